/** One sheet for every action; custom properties cross the shadow boundary, nothing else does. */
export const CSS = `
:host{all:initial;display:contents}
*,::before,::after{box-sizing:border-box;margin:0}
.k{--a:var(--kairos-accent,#4338ca);--on:var(--kairos-on-accent,#fff);--bg:var(--kairos-background,#fff);
--fg:var(--kairos-text,#16181d);--soft:color-mix(in srgb,var(--fg) 64%,var(--bg));--line:color-mix(in srgb,var(--fg) 12%,var(--bg));
--tint:color-mix(in srgb,var(--a) 9%,var(--bg));--r:var(--kairos-radius,20px);
font:400 16px/1.55 var(--kairos-font,ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,Inter,"Helvetica Neue",Arial,sans-serif);
color:var(--fg);-webkit-font-smoothing:antialiased;letter-spacing:-.005em}
h2{font-size:28px;line-height:1.15;font-weight:700;letter-spacing:-.025em;text-wrap:balance;overflow-wrap:anywhere}
p{color:var(--soft);overflow-wrap:anywhere;white-space:pre-line;text-wrap:pretty}
button,input{font:inherit;letter-spacing:inherit}
button{cursor:pointer;border:0;background:none;color:inherit}
:focus-visible{outline:3px solid color-mix(in srgb,var(--a) 55%,transparent);outline-offset:2px}
.cta{display:inline-flex;align-items:center;justify-content:center;min-height:52px;padding:12px 26px;border-radius:calc(var(--r)*.7);
background:var(--a);color:var(--on);font-weight:600;text-decoration:none;text-align:center;
box-shadow:0 1px 0 rgb(255 255 255/.25) inset,0 10px 24px -10px color-mix(in srgb,var(--a) 70%,transparent);transition:filter .15s,transform .15s}
.cta:hover{filter:brightness(1.08);transform:translateY(-1px)}
.x{position:absolute;top:14px;right:14px;width:44px;height:44px;border-radius:50%;display:grid;place-items:center;color:var(--soft);transition:background .15s,color .15s}
.x:hover{background:color-mix(in srgb,currentColor 12%,transparent);color:var(--fg)}
.x svg,.arrow svg{width:20px;height:20px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.time{display:inline-flex;gap:8px;align-items:center;align-self:flex-start;padding:6px 13px;border-radius:99px;background:var(--tint);color:var(--a);font-size:14px;font-weight:600;font-variant-numeric:tabular-nums}
.time::before{content:"";width:7px;height:7px;border-radius:50%;background:currentColor}
.code{display:flex;align-items:center;justify-content:space-between;gap:12px;min-height:56px;padding:5px 6px 5px 20px;border:1.5px dashed color-mix(in srgb,var(--a) 45%,var(--bg));border-radius:calc(var(--r)*.7);background:var(--tint)}
.code b{font:650 19px/1.2 ui-monospace,"SF Mono",Menlo,Consolas,monospace;letter-spacing:.09em;overflow-wrap:anywhere}
.code button{min-height:44px;padding:0 16px;border-radius:calc(var(--r)*.5);color:var(--a);font-size:14px;font-weight:600}
.code button:hover{background:color-mix(in srgb,var(--a) 12%,transparent)}
dialog{position:fixed;inset:0;margin:auto;width:min(464px,calc(100vw - 32px));max-height:calc(100dvh - 32px);overflow:auto;padding:0;border:0;border-radius:calc(var(--r)*1.2);
background:var(--bg);box-shadow:0 0 0 1px rgb(15 18 30/.05),0 32px 80px -16px rgb(15 18 30/.45);animation:rise .32s cubic-bezier(.2,.9,.25,1)}
dialog.wide{width:min(760px,calc(100vw - 32px))}
dialog::backdrop{background:rgb(17 19 29/.52);backdrop-filter:blur(5px)}
dialog::before{content:"";display:block;height:5px;background:linear-gradient(90deg,var(--a),color-mix(in srgb,var(--a) 45%,#f0abfc))}
.card{display:flex;flex-direction:column;gap:22px;padding:36px 36px 36px}
.head{display:flex;flex-direction:column;gap:12px;padding-right:30px}
.head .time{margin-bottom:4px}
form{display:flex;flex-direction:column;gap:12px}
label{font-size:14px;font-weight:600;color:var(--fg)}
input{width:100%;min-height:52px;margin-top:6px;padding:0 18px;border:1.5px solid var(--line);border-radius:calc(var(--r)*.7);background:var(--bg);color:var(--fg);font-weight:400}
input:hover{border-color:color-mix(in srgb,var(--fg) 28%,var(--bg))}
input:focus{outline:0;border-color:var(--a);box-shadow:0 0 0 4px color-mix(in srgb,var(--a) 16%,transparent)}
.thanks{padding:16px 20px;border-radius:calc(var(--r)*.7);background:var(--tint);color:var(--fg);font-weight:500}
.bar{--bg:var(--kairos-banner-background,#15171e);--fg:var(--kairos-banner-text,#fff);--a:var(--kairos-banner-accent,#a5b4fc);--on:var(--kairos-banner-on-accent,#15171e);
position:fixed;z-index:2147483000;left:50%;bottom:max(20px,env(safe-area-inset-bottom));translate:-50% 0;width:min(960px,calc(100vw - 32px));display:flex;align-items:center;gap:24px;padding:18px 72px 18px 26px;
border-radius:var(--r);background:var(--bg);box-shadow:0 0 0 1px rgb(255 255 255/.08) inset,0 24px 60px -12px rgb(15 18 30/.5);animation:rise .32s cubic-bezier(.2,.9,.25,1)}
.bar .head{flex:1;min-width:0;gap:2px;padding:0}
.bar h2{font-size:18px;line-height:1.35;letter-spacing:-.015em}
.bar p{font-size:15px;line-height:1.45}
.bar .time{align-self:center;flex:none}
.bar .cta{min-height:46px;padding:9px 22px;flex:none;box-shadow:none}
.bar .code{min-height:46px;padding:0 2px 0 14px;flex:none}
.bar .code b{font-size:15px}
.bar .x{top:50%;right:16px;translate:0 -50%}
.bar form{flex-direction:row;align-items:end;flex:none}
.bar input{min-height:46px}
.inline{position:relative;display:flex;flex-direction:column;gap:20px;padding:8px 0}
.inline .head{padding-right:0;gap:6px}
.inline h2{font-size:24px}
.inline .row{display:flex;align-items:end;justify-content:space-between;gap:16px}
.inline .cta,.inline .code{align-self:flex-start}
.arrows{display:flex;gap:8px;flex:none}
.arrow{width:44px;height:44px;border-radius:50%;border:1.5px solid var(--line);display:grid;place-items:center;background:var(--bg);transition:border-color .15s,transform .15s}
.arrow:hover{border-color:var(--fg);transform:scale(1.04)}
.rail{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(196px,1fr);gap:18px;overflow-x:auto;scroll-snap-type:x mandatory;scrollbar-width:none;padding:4px;margin:-4px;list-style:none}
.rail::-webkit-scrollbar{display:none}
.rail li{scroll-snap-align:start;display:flex}
.item{display:flex;flex-direction:column;gap:4px;width:100%;color:inherit;text-decoration:none;border-radius:var(--r)}
.pic{position:relative;aspect-ratio:4/5;margin-bottom:10px;border-radius:var(--r);overflow:hidden;background:linear-gradient(160deg,var(--tint),color-mix(in srgb,var(--a) 22%,var(--bg)));display:grid;place-items:center;font-size:52px;font-weight:700;color:color-mix(in srgb,var(--a) 50%,var(--bg))}
.pic img{position:absolute;inset:0;width:100%;height:100%;object-fit:cover;transition:transform .5s cubic-bezier(.2,.7,.2,1)}
.item:hover img{transform:scale(1.045)}
.why{position:absolute;left:10px;top:10px;max-width:calc(100% - 20px);padding:4px 11px;border-radius:99px;background:color-mix(in srgb,var(--bg) 92%,transparent);color:var(--fg);font-size:12.5px;line-height:1.5;font-weight:600;letter-spacing:0;box-shadow:0 2px 8px rgb(15 18 30/.1)}
.name{font-size:15px;line-height:1.4;font-weight:550;overflow-wrap:anywhere;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;overflow:hidden}
.price{font-size:15px;color:var(--soft);font-variant-numeric:tabular-nums}
dialog .rail{grid-auto-columns:minmax(150px,1fr)}
@keyframes rise{from{transform:translateY(18px)}}
@media (max-width:640px){
.card{padding:30px 22px 22px;gap:18px}
h2{font-size:24px}
dialog{margin:auto auto 16px}
.bar{flex-wrap:wrap;gap:12px 14px;padding:18px 20px}
.bar .head{flex-basis:100%;padding-right:44px}
.bar .x{top:10px;right:8px;translate:none}
.bar .cta{flex:1}
.bar form{flex:1 1 100%;flex-direction:column;align-items:stretch}
.rail{grid-auto-columns:62%}
.arrows{display:none}
}
@media (prefers-reduced-motion:reduce){*,::before,::after{animation:none!important;transition:none!important;scroll-behavior:auto!important}}
`;

"""What a shop pastes: three lines for its pages, and how its back end signs a login."""

from __future__ import annotations

PYTHON = """\
import hashlib, hmac, os, time

def kairos_identity(user_id):
    secret = bytes.fromhex(os.environ["KAIROS_IDENTIFY_SECRET"])
    issued_at = int(time.time())
    text = f"{SITE}\\n{issued_at}\\n{user_id}".encode()
    signature = hmac.new(secret, text, hashlib.sha256).hexdigest()
    return {"id": user_id, "issued_at": issued_at, "signature": signature}
"""

NODE = """\
const { createHmac } = require('node:crypto');

function kairosIdentity(userId) {
  const secret = Buffer.from(process.env.KAIROS_IDENTIFY_SECRET, 'hex');
  const issuedAt = Math.floor(Date.now() / 1000);
  const text = `${SITE}\\n${issuedAt}\\n${userId}`;
  const signature = createHmac('sha256', secret).update(text).digest('hex');
  return { id: userId, issued_at: issuedAt, signature };
}
"""

PHP = """\
function kairos_identity(string $user_id): array {
    $secret = hex2bin(getenv('KAIROS_IDENTIFY_SECRET'));
    $issued_at = time();
    $text = SITE . "\\n" . $issued_at . "\\n" . $user_id;
    $signature = hash_hmac('sha256', $text, $secret);
    return ['id' => $user_id, 'issued_at' => $issued_at, 'signature' => $signature];
}
"""

HEADS = {
    "python": 'SITE = "{site}"\n',
    "node": "const SITE = '{site}';\n",
    "php": "<?php\nconst SITE = '{site}';\n",
}
BODIES = {"python": PYTHON, "node": NODE, "php": PHP}


def snippet(site: str, gateway: str) -> list[str]:
    """The three lines a shop pastes."""
    return [
        f'<script src="{gateway}/sdk/kairos.js" data-site="{site}" defer></script>',
        '<main data-kairos-page="product">...</main>',
        '<div data-kairos-slot="page"></div>',
    ]


def identify_samples(site: str) -> dict[str, str]:
    """Language -> code of a shop's back end that signs who is logged in."""
    return {name: HEADS[name].format(site=site) + BODIES[name] for name in BODIES}


def pasted(site: str, gateway: str) -> list[str]:
    """All of it, as lines to print."""
    lines = ["", *snippet(site, gateway), ""]
    lines.append("where people log in, sign who they are and pass it to kairos.identify():")
    lines.append(f"(`kairos sites secret {site} --to FILE` writes KAIROS_IDENTIFY_SECRET)")
    for name, code in identify_samples(site).items():
        lines += ["", f"# {name}", *code.rstrip().splitlines()]
    return lines

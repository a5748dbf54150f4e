// The shop's own script: a cart in localStorage, a search, a checkout. It knows the SDK by three
// calls: track for what only this script knows, and nothing else.
(() => {
  'use strict';
  const KEY = 'shop.cart';
  const read = () => JSON.parse(localStorage.getItem(KEY) || '[]');
  const write = (lines) => localStorage.setItem(KEY, JSON.stringify(lines));
  const cents = (price) => Math.round(Number(price) * 100);
  const money = (amount) => '€' + (amount / 100).toFixed(2);
  const total = () => read().reduce((sum, line) => sum + cents(line.price) * line.quantity, 0);
  const facts = (line) => ({
    id: line.id, name: line.name, category: line.category,
    price: line.price, currency: line.currency, quantity: 1,
  });
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (name) element.className = name;
    return element;
  };

  function add(product) {
    const lines = read();
    const line = lines.find((each) => each.id === product.id);
    if (line) line.quantity += 1;
    else lines.push({ ...product, quantity: 1 });
    write(lines);
    show();
  }

  function remove(id) {
    const lines = read();
    const line = lines.find((each) => each.id === id);
    if (!line) return;
    line.quantity -= 1;
    write(lines.filter((each) => each.quantity > 0));
    window.kairos?.track('remove_from_cart', { product: facts(line) });
    show();
  }

  function row(line) {
    const element = make('div', '', 'line');
    const image = document.createElement('img');
    image.src = `/img/${encodeURIComponent(line.id)}.svg`;
    image.alt = '';
    image.width = image.height = 72;
    const link = make('a', line.name);
    link.href = `/p/${encodeURIComponent(line.id)}`;
    const less = make('button', 'Remove', 'quiet');
    less.addEventListener('click', () => remove(line.id));
    const price = make('b', money(cents(line.price) * line.quantity));
    element.append(image, link, make('span', `× ${line.quantity}`), price, less);
    return element;
  }

  function show() {
    const lines = read();
    const count = lines.reduce((sum, line) => sum + line.quantity, 0);
    for (const each of document.querySelectorAll('[data-cart-count]')) each.textContent = count;
    for (const each of document.querySelectorAll('[data-cart-total]')) {
      each.textContent = money(total());
    }
    const list = document.querySelector('[data-cart-lines]');
    if (!list) return;
    list.replaceChildren(...lines.map(row));
    if (!lines.length) list.append(make('p', 'Nothing in it yet.'));
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-add]');
    if (!button) return;
    add(JSON.parse(button.closest('[data-kairos-product]').dataset.kairosProduct));
    button.textContent = 'Added';
    setTimeout(() => { button.textContent = 'Add to cart'; }, 1200);
  });

  const form = document.querySelector('[data-checkout]');
  if (form) {
    window.kairos?.track('checkout_start', { value: (total() / 100).toFixed(2) });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      window.kairos?.track('purchase', {
        value: (total() / 100).toFixed(2),
        properties: { order_id: 'demo-' + Date.now().toString(36) },
      });
      write([]);
      location.href = '/thanks';
    });
  }
  show();
})();

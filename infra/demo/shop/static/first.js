// Runs before the SDK: a browser that is new here gets a seed of the side that sees actions.
(() => {
  'use strict';
  const KEY = 'kairos.v';
  const { seed } = document.currentScript.dataset;
  if (!seed || localStorage.getItem(KEY)) return;
  const consent = { analytics: true, personalization: true, marketing: true };
  localStorage.setItem(KEY, JSON.stringify({ seed, token: null, consent }));
})();

"""The demo shop: a small storefront that nobody would guess was written for kairos."""

"""An unmodified django-oscar shop but for one script tag; runs on the packages of its own lock."""

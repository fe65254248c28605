"""Answers as blackbox_exporter does, from its own blackbox.yml: nobody has to change a scrape config to move here."""

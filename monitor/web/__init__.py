"""The web: /metrics, the operators' page, webhooks and the API."""

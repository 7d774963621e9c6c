"""Setup intents: saving a payment method with strong customer authentication."""

"""The Llama eligibility decision service: facts in, an explained and recorded decision out."""

"""False-alarm rates and power of every detector and gate, measured on data whose truth is known."""

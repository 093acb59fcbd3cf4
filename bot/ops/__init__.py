"""Operations: health, metrics, logging, doctor, key rotation."""

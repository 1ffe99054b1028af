package kms

import (
	"context"
	"crypto/rand"
	"errors"
)

// A Sealed is what came of an encryption.
type Sealed struct {
	Ciphertext []byte
	// MaterialID names what it is encrypted with.
	MaterialID string
}

// Encrypt encrypts at most 4096 bytes. It refuses with [CodeNotFound],
// [CodeDisabled] or [CodeInvalidState].
func (s *Service) Encrypt(ctx context.Context, id KeyID, plaintext []byte, encryptionContext map[string]string) (Sealed, error) {
	if len(plaintext) > maxPlaintext {
		return Sealed{}, refuse(CodeValidation, "Member must have length less than or equal to %d", maxPlaintext)
	}
	key, err := s.usable(ctx, id)
	if err != nil {
		return Sealed{}, err
	}
	return s.encrypt(ctx, key, plaintext, encryptionContext)
}

func (s *Service) encrypt(ctx context.Context, key *state, plaintext []byte, encryptionContext map[string]string) (Sealed, error) {
	version := materialID{key.row.ID, key.row.Version}
	material, err := s.material(ctx, version)
	if errors.Is(err, errNoMaterial) {
		return Sealed{}, keyNotFound(keyOf(key.row).KeyID) // deleted in this moment
	}
	if err != nil {
		return Sealed{}, err
	}
	text, err := encrypt(version, material, plaintext, encryptionContext)
	return Sealed{text, version.text()}, err
}

// A DataKey is a random key for others to encrypt with, and what it is under a
// key of this service.
type DataKey struct {
	Sealed
	Plaintext []byte
}

// GenerateDataKey makes a data key of so many bytes. It refuses as Encrypt does.
func (s *Service) GenerateDataKey(ctx context.Context, id KeyID, size int, encryptionContext map[string]string) (DataKey, error) {
	key, err := s.usable(ctx, id)
	if err != nil {
		return DataKey{}, err
	}
	return s.dataKey(ctx, key, size, encryptionContext)
}

func (s *Service) dataKey(ctx context.Context, key *state, size int, encryptionContext map[string]string) (DataKey, error) {
	plaintext := make([]byte, size)
	_, _ = rand.Read(plaintext) // never fails
	sealed, err := s.encrypt(ctx, key, plaintext, encryptionContext)
	if err != nil {
		return DataKey{}, err
	}
	return DataKey{sealed, plaintext}, nil
}

// An Opened is what came of a decryption.
type Opened struct {
	Plaintext []byte
	// MaterialID names what it was encrypted with.
	MaterialID string
}

// KeyOf returns the key that a ciphertext says it is of, at the place where it
// is. It refuses with [CodeInvalidCiphertext] what is none, and with
// [CodeAccessDenied] that of a key that does not exist there.
func (s *Service) KeyOf(ctx context.Context, region string, text []byte) (KeyID, error) {
	c, err := parseCiphertext(text)
	if err != nil {
		return KeyID{}, invalidCiphertext()
	}
	state, err := s.states.get(ctx, c.key)
	if err := orKeyNotFound(err, KeyID{}); err != nil {
		if IsRefusal(err, CodeNotFound) {
			return KeyID{}, unknownCiphertext()
		}
		return KeyID{}, err
	}
	if state.row.Region != region {
		return KeyID{}, unknownCiphertext()
	}
	return KeyID{Place{state.row.Account, state.row.Region}, c.key}, nil
}

// Decrypt decrypts what a key encrypted under the same encryption context. It
// refuses with [CodeNotFound], [CodeDisabled], [CodeInvalidState],
// [CodeIncorrectKey] for that of another key, or [CodeInvalidCiphertext].
func (s *Service) Decrypt(ctx context.Context, id KeyID, text []byte, encryptionContext map[string]string) (Opened, error) {
	key, err := s.usable(ctx, id)
	if err != nil {
		return Opened{}, err
	}
	return s.decrypt(ctx, key, text, encryptionContext)
}

func (s *Service) decrypt(ctx context.Context, key *state, text []byte, encryptionContext map[string]string) (Opened, error) {
	c, err := parseCiphertext(text)
	if err != nil {
		return Opened{}, invalidCiphertext()
	}
	if c.key != key.row.ID {
		return Opened{}, refuse(CodeIncorrectKey, "The key ID in the request does not identify a CMK that can perform this operation.")
	}
	material, err := s.material(ctx, c.materialID)
	if errors.Is(err, errNoMaterial) {
		return Opened{}, invalidCiphertext()
	}
	if err != nil {
		return Opened{}, err
	}
	plaintext, err := c.decrypt(material, encryptionContext)
	if err != nil {
		return Opened{}, invalidCiphertext()
	}
	return Opened{plaintext, c.materialID.text()}, nil
}

// invalidCiphertext has no message, as in AWS: it does not tell what is wrong.
func invalidCiphertext() *Error { return refuse(CodeInvalidCiphertext, "") }

// unknownCiphertext does not tell whether there is such a key.
func unknownCiphertext() *Error {
	return refuse(CodeAccessDenied, "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.")
}

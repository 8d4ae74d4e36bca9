package keyring

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
)

const sealVersion = "v1"

// maxSealed bounds what is opened at all; the largest thing that we seal is an ID token of a provider.
const maxSealed = 1 << 20

var encoding = base64.RawURLEncoding.Strict()

// errSealed is the only error for a value that does not open: it does not reveal which part is wrong.
var errSealed = errors.New(
	"a sealed value does not open: it was changed, moved, or sealed under a key that is not configured")

// Sealer implements ports.Sealer. It is safe for concurrent use.
type Sealer struct {
	active string
	aeads  map[string]cipher.AEAD
}

// NewSealer returns a sealer that seals under the first key and opens under all of them.
func NewSealer(keys []Key) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("a sealer needs a key")
	}
	s := &Sealer{active: keys[0].id, aeads: map[string]cipher.AEAD{}}
	for _, key := range keys {
		block, err := aes.NewCipher(key.key[:])
		if err != nil {
			return nil, fmt.Errorf("preparing key %s: %w", key.id, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("preparing key %s: %w", key.id, err)
		}
		s.aeads[key.id] = aead
	}
	return s, nil
}

// Seal encrypts plain under the active key and ties it to the binding.
func (s *Sealer) Seal(plain []byte, binding string) ([]byte, error) {
	aead := s.aeads[s.active]
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails, see crypto/rand
	sealed := aead.Seal(nil, nonce, plain, additional(s.active, binding))
	out := make([]byte, 0, len(sealVersion)+len(s.active)+3+encoding.EncodedLen(len(nonce))+
		encoding.EncodedLen(len(sealed)))
	out = append(out, sealVersion+"."+s.active+"."...)
	out = encoding.AppendEncode(out, nonce)
	out = append(out, '.')
	return encoding.AppendEncode(out, sealed), nil
}

// Open decrypts what Seal made for the same binding. Every other value is one and the same error.
func (s *Sealer) Open(sealed []byte, binding string) ([]byte, error) {
	parts := bytes.Split(sealed, []byte("."))
	// The decoder passes over line breaks, so they are refused first: a value has one spelling.
	if len(sealed) > maxSealed || len(parts) != 4 || string(parts[0]) != sealVersion || bytes.ContainsAny(sealed, "\r\n") {
		return nil, errSealed
	}
	aead, known := s.aeads[string(parts[1])]
	if !known {
		return nil, errSealed
	}
	nonce, err := encoding.AppendDecode(nil, parts[2])
	if err != nil || len(nonce) != aead.NonceSize() {
		return nil, errSealed
	}
	text, err := encoding.AppendDecode(nil, parts[3])
	if err != nil {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, nonce, text, additional(string(parts[1]), binding))
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// Rewrap re-encrypts a value that is sealed under another key than the active one, and reports whether it did.
// Otherwise it returns the value unchanged.
func (s *Sealer) Rewrap(sealed []byte, binding string) (value []byte, changed bool, err error) {
	if bytes.HasPrefix(sealed, []byte(sealVersion+"."+s.active+".")) {
		return sealed, false, nil
	}
	plain, err := s.Open(sealed, binding)
	if err != nil {
		return nil, false, err
	}
	value, err = s.Seal(plain, binding)
	return value, err == nil, err
}

// additional is what is authenticated beside the text: the head, which is not encrypted, and the place.
func additional(keyID, binding string) []byte {
	return []byte(sealVersion + "." + keyID + "." + binding)
}

package audit

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// keyBinding binds the sealed key to its purpose.
const keyBinding = "audit/seal-key"

// Signer signs checkpoints and exports with the log's own Ed25519 key, which is generated on first use and stored
// sealed. The id of the key is its public half in base64url, so that a stored checkpoint contains the key that
// verifies the next one.
type Signer struct {
	store  ports.AuditSealStore
	sealer ports.Sealer

	mu  sync.Mutex
	key ed25519.PrivateKey
}

// NewSigner returns a Signer whose key is in the store.
func NewSigner(store ports.AuditSealStore, sealer ports.Sealer) *Signer {
	return &Signer{store: store, sealer: sealer}
}

// PublicKey returns the id of the key.
func (s *Signer) PublicKey(ctx context.Context) (string, error) {
	key, err := s.load(ctx)
	if err != nil {
		return "", err
	}
	return keyID(key), nil
}

func (s *Signer) load(ctx context.Context) (ed25519.PrivateKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key != nil {
		return s.key, nil
	}
	sealed, err := s.store.SealKey(ctx)
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		if sealed, err = s.make(ctx); err != nil {
			return nil, err
		}
	}
	seed, err := s.sealer.Open(sealed, keyBinding)
	if err != nil {
		return nil, fmt.Errorf("opening the key of the audit log: %w", err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, errors.New("the key of the audit log is of the wrong length")
	}
	s.key = ed25519.NewKeyFromSeed(seed)
	return s.key, nil
}

// make stores a new key, or returns the one that another node has stored in the meantime.
func (s *Signer) make(ctx context.Context) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails, see crypto/rand
	sealed, err := s.sealer.Seal(seed, keyBinding)
	if err != nil {
		return nil, err
	}
	err = s.store.PutSealKey(ctx, sealed)
	if errors.Is(err, fault.ErrConflict) {
		return s.store.SealKey(ctx)
	}
	return sealed, err
}

// Reencrypt re-encrypts the key under the current key-encryption key and reports whether that was necessary. Without a
// key it does nothing.
func (s *Signer) Reencrypt(ctx context.Context) (bool, error) {
	sealed, err := s.store.SealKey(ctx)
	if err != nil || sealed == nil {
		return false, err
	}
	fresh, changed, err := s.sealer.Rewrap(sealed, keyBinding)
	if err != nil || !changed {
		return false, err
	}
	return true, s.store.ReplaceSealKey(ctx, sealed, fresh)
}

func keyID(key ed25519.PrivateKey) string {
	return base64.RawURLEncoding.EncodeToString(key[ed25519.SeedSize:]) // the public half (RFC 8032) follows the seed
}

// Marker returns the marker for new entries. Its key is derived from the log's own.
func (s *Signer) Marker(ctx context.Context) (*Marker, error) {
	key, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key.Seed())
	mac.Write([]byte("ostiary audit mark v1"))
	return &Marker{key: mac.Sum(nil)}, nil
}

// Marker implements ports.AuditMarker. It is safe for concurrent use.
type Marker struct{ key []byte }

// markLength is the length of the mark stored with each entry: 128 bits are infeasible to forge.
const markLength = 16

// Mark returns the mark of an entry's text.
func (m *Marker) Mark(public []byte) []byte {
	mac := hmac.New(sha256.New, m.key)
	mac.Write(public)
	return mac.Sum(nil)[:markLength]
}

// isMarked reports whether the record is what the service wrote.
func (m *Marker) isMarked(r *auditformat.Record) bool { return hmac.Equal(m.Mark(r.Public), r.Mark) }

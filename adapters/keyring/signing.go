package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// The algorithms of access tokens. EdDSA is the default; ES256 and RS256 are for resource servers that know no Ed25519.
const (
	EdDSA = "EdDSA"
	ES256 = "ES256"
	RS256 = "RS256"
)

const rsaBits = 2048

var algorithms = []jose.SignatureAlgorithm{jose.EdDSA, jose.ES256, jose.RS256}

// publicKey is a key that tokens are checked with.
type publicKey struct {
	jwk      jose.JSONWebKey
	retires  time.Time // zero while it does not
	lifeEnds bool
}

// liveAt reports whether tokens under the key still count.
func (k *publicKey) liveAt(now time.Time) bool { return !k.lifeEnds || now.Before(k.retires) }

// keySet is the whole set as it was read; it never changes.
type keySet struct {
	read   time.Time
	public map[string]*publicKey
	signer jose.Signer
	jwks   []byte
}

// newSigningKey makes a key pair and seals its private part.
func newSigningKey(algorithm string, state domain.SigningKeyState, now time.Time,
	sealer ports.Sealer,
) (domain.SigningKey, error) {
	private, err := generate(algorithm)
	if err != nil {
		return domain.SigningKey{}, fmt.Errorf("making a signing key: %w", err)
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return domain.SigningKey{}, fmt.Errorf("naming a signing key: %w", err)
	}
	id := base64.RawURLEncoding.EncodeToString(thumbprint)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return domain.SigningKey{}, fmt.Errorf("writing a signing key: %w", err)
	}
	sealed, err := sealer.Seal(der, signingBinding(id))
	if err != nil {
		return domain.SigningKey{}, fmt.Errorf("sealing a signing key: %w", err)
	}
	return domain.SigningKey{ID: id, Algorithm: algorithm, State: state, Private: sealed, CreatedAt: now}, nil
}

func generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return nil, errors.New("unknown algorithm")
	}
}

func signingBinding(id string) string { return "signing_key|" + id + "|private" }

// openSigningKey returns the private part, and makes sure that it is what the record says: the id is the thumbprint.
func openSigningKey(key domain.SigningKey, sealer ports.Sealer) (crypto.Signer, error) {
	der, err := sealer.Open(key.Private, signingBinding(key.ID))
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", key.ID, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("signing key %s does not parse", key.ID) // the cause could quote the key
	}
	private, ok := parsed.(crypto.Signer)
	if !ok || !fits(key.Algorithm, private) {
		return nil, fmt.Errorf("signing key %s is none for %s", key.ID, key.Algorithm)
	}
	return private, nil
}

// fits reports whether the key is of the one type that its algorithm takes (RFC 8725 section 3.1).
func fits(algorithm string, private crypto.Signer) bool {
	switch k := private.(type) {
	case ed25519.PrivateKey:
		return algorithm == EdDSA
	case *ecdsa.PrivateKey:
		return algorithm == ES256 && k.Curve == elliptic.P256()
	case *rsa.PrivateKey:
		return algorithm == RS256 && k.N.BitLen() >= rsaBits
	default:
		return false
	}
}

// openKeySet opens all keys of a set that was read at now.
func openKeySet(keys []domain.SigningKey, sealer ports.Sealer, now time.Time) (*keySet, error) {
	set := &keySet{read: now, public: map[string]*publicKey{}}
	published := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, key := range keys {
		private, err := openSigningKey(key, sealer)
		if err != nil {
			return nil, err
		}
		jwk := jose.JSONWebKey{Key: private.Public(), KeyID: key.ID, Algorithm: key.Algorithm, Use: "sig"}
		public := &publicKey{jwk: jwk, retires: key.RetiresAt, lifeEnds: key.State == domain.KeyRetiring}
		set.public[key.ID] = public
		if public.liveAt(now) {
			published.Keys = append(published.Keys, jwk)
		}
		if key.State != domain.KeyActive {
			continue
		}
		if set.signer, err = newSigner(key, private); err != nil {
			return nil, err
		}
	}
	if set.signer == nil {
		return nil, errors.New("there is no active signing key")
	}
	var err error
	if set.jwks, err = json.Marshal(published); err != nil {
		return nil, fmt.Errorf("writing the key set: %w", err)
	}
	return set, nil
}

func newSigner(key domain.SigningKey, private crypto.Signer) (jose.Signer, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: jose.JSONWebKey{Key: private, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return nil, fmt.Errorf("preparing signing key %s: %w", key.ID, err)
	}
	return signer, nil
}

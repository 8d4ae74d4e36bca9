package argon2id

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ostiary/ostiary/adapters/argon2id/argon2kernel"
	"github.com/ostiary/ostiary/core/domain"
)

const (
	saltSize = 16
	hashSize = 32
)

// Config says how new passwords are hashed.
type Config struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
	// Workers is how many hashes are worked on at once; 0 for one per processor.
	Workers int
	// ExtraProcessors is how much GOMAXPROCS is raised while passwords are hashed; 0 leaves it alone.
	ExtraProcessors int
	// QueueDeadline is how long a call waits for its turn.
	QueueDeadline time.Duration
	// QueueLength is how many calls may wait; 0 for 1000. One source may take as many places as are left, so at most half.
	QueueLength int
}

const defaultQueue = 1000

// Hasher implements ports.PasswordHasher. It is safe for concurrent use.
type Hasher struct {
	cfg     Config
	gate    *gate
	padding *padding
	dummy   argon2Hash
}

// New returns a hasher, or an error when the parameters are none of Argon2id.
func New(cfg Config) (*Hasher, error) {
	if cfg.Workers == 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.QueueLength == 0 {
		cfg.QueueLength = defaultQueue
	}
	if cfg.QueueLength < 0 || cfg.Passes < 1 || cfg.Lanes < 1 || cfg.MemoryKiB < 8*uint32(cfg.Lanes) || cfg.Workers < 1 ||
		cfg.QueueDeadline <= 0 {
		return nil, errors.New("argon2id needs a pass, a lane, 8 KiB for each lane, a worker and a queue deadline")
	}
	unit := uint64(cfg.MemoryKiB) << 10
	if cfg.Lanes > maxLanes || unit > maxMemory || uint64(cfg.Passes) > maxWork/unit {
		return nil, errors.New("argon2id: hashes of this cost could not be checked")
	}
	h := &Hasher{
		cfg:     cfg,
		padding: newPadding(),
		gate:    newGate(cfg.Workers, unit, cfg.QueueDeadline, cfg.QueueLength),
		dummy: argon2Hash{
			id: true, memory: cfg.MemoryKiB, passes: cfg.Passes, lanes: cfg.Lanes,
			salt: []byte("nobody's password"[:saltSize]), sum: make([]byte, hashSize),
		},
	}
	h.gate.processors.extra = cfg.ExtraProcessors
	h.gate.now = func() time.Time { return h.padding.now() }
	return h, nil
}

// Hash returns the PHC string of the password under the present parameters. A wait beyond the queue's deadline is
// fault.ErrOverloaded that says when to try again.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	_, leave, err := h.gate.enter(ctx, h.gate.unit)
	if err != nil {
		return "", err
	}
	defer leave()
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails, see crypto/rand
	sum := h.gate.memories.key(h.dummy.params(), prepare(password), salt, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2kernel.Version, h.cfg.MemoryKiB, h.cfg.Passes,
		h.cfg.Lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// Verify checks the password against a hash of any format that Supports accepts. outdated reports that Hash would use
// other parameters now. An empty hash, an unsupported one and a password above the maximum length never match, after
// the work of a hash. No refusal is faster than the slowest kind of hash recently verified. The error is
// fault.ErrOverloaded.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	c, err := h.check(ctx, hash, password)
	if err != nil {
		return false, false, err
	}
	if c.supported && !c.current {
		h.padding.learn(kindOf(hash), c.took)
	}
	if !c.ok {
		h.padding.reach(ctx, c.took)
	}
	return c.ok, c.supported && !c.current, nil
}

// Matches is Verify without padding, for comparisons whose timing reveals nothing to an attacker.
func (h *Hasher) Matches(ctx context.Context, hash, password string) (bool, error) {
	c, err := h.check(ctx, hash, password)
	return c.ok, err
}

// checked is what came of a check, and how long it took once it had its first place.
type checked struct {
	ok, supported, current bool
	took                   time.Duration
}

func (h *Hasher) check(ctx context.Context, hash, password string) (checked, error) {
	known, supported := parse(hash)
	if !supported || len(password) > known.longestPassword() {
		known = scheme{argon2: &h.dummy, memory: h.gate.unit}
		supported = false
	}
	begin, leave, err := h.gate.enter(ctx, max(known.memory, h.gate.unit))
	if err != nil {
		return checked{}, err
	}
	defer leave()
	if known.cheap {
		h.dummy.matches(h.gate.memories, []byte(password)) // or its speed would tell that the account exists
	}
	c := checked{supported: supported, current: h.isCurrent(known)}
	right := known.matches(h.gate.memories, prepare(password))
	// Elsewhere passwords were often hashed as they came.
	if raw := []byte(password); !right && !c.current && supported && string(raw) != string(prepare(password)) {
		right = known.matches(h.gate.memories, raw)
	}
	c.ok, c.took = right && supported, h.padding.now().Sub(begin)
	return c, nil
}

// Supports reports whether Verify knows the form of the hash and accepts what it costs.
func (h *Hasher) Supports(hash string) domain.HashSupport {
	known, supported := parse(hash)
	switch {
	case supported:
		return domain.HashSupported
	case known.costly:
		return domain.HashTooCostly
	default:
		return domain.HashUnknown
	}
}

func (h *Hasher) isCurrent(s scheme) bool {
	a := s.argon2
	return a != nil && a.id && a.memory == h.cfg.MemoryKiB && a.passes == h.cfg.Passes && a.lanes == h.cfg.Lanes &&
		len(a.salt) >= saltSize && len(a.sum) >= hashSize
}

// prepare makes an OpaqueString of what was typed (RFC 8265 section 4.2.1). What is no text stays as it is.
func prepare(password string) []byte {
	if !utf8.ValidString(password) {
		return []byte(password)
	}
	spaced := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password)
	return norm.NFC.Bytes([]byte(spaced))
}

// argon2Hash is a parsed hash of the Argon2 family.
type argon2Hash struct {
	id             bool // else Argon2i
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

func (a *argon2Hash) params() argon2kernel.Params {
	variant := argon2kernel.Argon2i
	if a.id {
		variant = argon2kernel.Argon2id
	}
	return argon2kernel.Params{Variant: variant, Passes: a.passes, MemoryKiB: a.memory, Lanes: a.lanes}
}

func (a *argon2Hash) matches(m *memories, password []byte) bool {
	sum := m.key(a.params(), password, a.salt, uint32(len(a.sum))) //nolint:gosec // at most maxSum
	return subtle.ConstantTimeCompare(sum, a.sum) == 1
}

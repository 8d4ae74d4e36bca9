package auditformat

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	// origin begins the name of a log, which is also the name of its key. The id of the key follows.
	origin = "ostiary-audit/"
	// noteEd25519 is the identifier of Ed25519 in signed notes.
	noteEd25519 = 1
	noteMark    = "— "
)

// Text returns the signed text: a checkpoint of c2sp.org/tlog-checkpoint, with the header of the segment as its
// extension line.
func (c *Checkpoint) Text() []byte {
	if c.Size == 0 {
		return c.chainText()
	}
	return fmt.Appendf(nil, "%s%s\n%d\n%s\n%s\n", origin, c.KeyID, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]),
		c.header())
}

const headerForm = "segment %d entries %d-%d previous %s sealed %s"

// header describes the segment. It is also the record of the segment's first leaf, so that the tree also proves the
// positions of the entries.
func (c *Checkpoint) header() string {
	return fmt.Sprintf(headerForm, c.Number, c.First, c.Last(), c.Previous, c.SealedAt.UTC().Format(time.RFC3339Nano))
}

// Sign sets the key and the signature.
func (c *Checkpoint) Sign(key ed25519.PrivateKey) {
	c.KeyID = base64.RawURLEncoding.EncodeToString(key[ed25519.SeedSize:]) // the public half (RFC 8032) follows the seed
	c.Signature = ed25519.Sign(key, c.Text())
}

// IsSigned reports whether the signature of the text is valid under the key with the id.
func IsSigned(id string, text, signature []byte) bool {
	public, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(public) == ed25519.PublicKeySize && ed25519.Verify(public, text, signature)
}

// keyHash returns the key id of c2sp.org/signed-note, and the encoded key.
func keyHash(id string) (hash, encoded []byte) {
	public, _ := base64.RawURLEncoding.DecodeString(id)
	encoded = append([]byte{noteEd25519}, public...)
	sum := sha256.Sum256(append([]byte(origin+id+"\n"), encoded...))
	return sum[:4], encoded
}

// VerifierKey returns the key with the id as a verifier key of signed notes: name, hash and key.
func VerifierKey(id string) string {
	hash, encoded := keyHash(id)
	return origin + id + "+" + hex.EncodeToString(hash) + "+" + base64.StdEncoding.EncodeToString(encoded)
}

// KeyID returns the id in a verifier key. Any other text is returned as it is.
func KeyID(text string) string {
	if rest, ok := strings.CutPrefix(text, origin); ok {
		text, _, _ = strings.Cut(rest, "+")
	}
	return text
}

// Note returns the checkpoint as a signed note of c2sp.org/signed-note.
func (c *Checkpoint) Note() string {
	hash, _ := keyHash(c.KeyID)
	return string(c.Text()) + "\n" + noteMark + origin + c.KeyID + " " +
		base64.StdEncoding.EncodeToString(append(hash, c.Signature...)) + "\n"
}

var errNote = errors.New("not a checkpoint of an audit log")

// ParseNote parses the result of Note. It does not verify the signature.
func ParseNote(note string) (Checkpoint, error) {
	var c Checkpoint
	lines := strings.Split(note, "\n")
	if len(lines) != 7 { //nolint:mnd // the lines of Text, an empty one, the signature, and the end
		return c, errNote
	}
	var last int64
	var previous, sealed string
	if _, err := fmt.Sscanf(lines[3], headerForm, &c.Number, &c.First, &last, &previous, &sealed); err != nil {
		return c, errNote
	}
	if _, err := fmt.Sscan(lines[1], &c.Size); err != nil || c.Size < 1 {
		return c, errNote
	}
	c.KeyID, c.Count = strings.TrimPrefix(lines[0], origin), last-c.First+1
	root, err1 := base64.StdEncoding.DecodeString(lines[2])
	signature, err2 := base64.StdEncoding.DecodeString(lines[5][strings.LastIndexByte(lines[5], ' ')+1:])
	var err3, err4 error
	c.Previous, err3 = ParseDigest(previous)
	c.SealedAt, err4 = time.Parse(time.RFC3339Nano, sealed)
	if errors.Join(err1, err2, err3, err4) != nil || len(root) != len(c.Root) || len(signature) < 4 {
		return c, errNote
	}
	c.Root, c.Signature = Digest(root), signature[4:]
	if c.Note() != note {
		return c, errNote
	}
	return c, nil
}

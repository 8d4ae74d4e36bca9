package argon2id

import (
	"context"
	"strings"
)

// learnedPassword is as long as any that people type. The time of some kinds grows with the length of the password.
var learnedPassword = strings.Repeat("x", 64)

// Learn measures a check of the hash unless it is one of ours or one of its kind was measured. Refusals take as long
// from then on: without it, the first refusal of a user with such a hash would take longer than that of an unknown
// name.
func (h *Hasher) Learn(ctx context.Context, hash string) error {
	known, supported := parse(hash)
	if !supported || h.isCurrent(known) {
		return nil
	}
	kind := kindOf(hash)
	if h.padding.isMeasured(kind) {
		return nil
	}
	c, err := h.check(ctx, hash, learnedPassword)
	if err != nil {
		return err
	}
	h.padding.learn(kind, c.took)
	return nil
}

// kindOf returns a hash's form with its parameters: the text without the salt and the sum at its end.
func kindOf(hash string) string {
	text := unwrap(hash)
	if end := strings.IndexByte(text, '}'); end >= 0 && !strings.Contains(text[end:], "$") {
		return text[:end+1]
	}
	fields := 2
	if strings.HasPrefix(text, "$2") || strings.HasPrefix(text, "bcrypt") { // salt and sum are one
		fields = 1
	}
	for range fields {
		at := strings.LastIndexByte(text, '$')
		if at <= 0 {
			break
		}
		text = text[:at]
	}
	return text
}

package securityapi

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
)

// appendVerified appends the JSON form of v, as json.Marshal writes it. Verify is called for every request of every
// application, and reflection took a fifth of its time.
func appendVerified(b []byte, v VerificationResult) []byte {
	b = append(b, `{"expires_at":`...)
	b = appendTime(b, v.ExpiresAt)
	b = append(b, `,"permissions":[`...)
	for i, permission := range v.Permissions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, permission)
	}
	b = append(b, `],"role":`...)
	b = appendText(b, v.Role)
	b = append(b, `,"session_id":`...)
	b = appendTextOrNull(b, v.SessionID)
	b = append(b, `,"user_id":`...)
	b = appendText(b, v.UserID)
	b = append(b, `,"username":`...)
	b = appendText(b, v.Username)
	b = append(b, `,"valid":`...)
	b = strconv.AppendBool(b, v.Valid)
	return append(b, '}')
}

// appendPermissionCheck appends the JSON form of v without an explanation, as json.Marshal writes it.
func appendPermissionCheck(b []byte, v PermissionCheck) []byte {
	b = append(b, `{"granted":`...)
	b = strconv.AppendBool(b, v.Granted)
	b = append(b, `,"permission":`...)
	b = appendText(b, v.Permission)
	if v.Reason != nil {
		b = append(b, `,"reason":`...)
		b = appendText(b, *v.Reason)
	}
	b = append(b, `,"source":`...)
	b = appendTextOrNull(b, v.Source)
	b = append(b, `,"user_id":`...)
	b = appendText(b, v.UserID)
	return append(b, '}')
}

func appendTextOrNull(b []byte, text nullable.Nullable[string]) []byte {
	if t, given := text.Get(); given {
		return appendText(b, t)
	}
	return append(b, "null"...)
}

func appendTime(b []byte, t nullable.Nullable[time.Time]) []byte {
	at, given := t.Get()
	if !given {
		return append(b, "null"...)
	}
	b = append(b, '"')
	return append(at.AppendFormat(b, time.RFC3339Nano), '"')
}

// appendText appends a string of valid UTF-8, which all stored names are.
func appendText(b []byte, text string) []byte {
	if isPlain(text) {
		b = append(b, '"')
		b = append(b, text...)
		return append(b, '"')
	}
	b, _ = jsontext.AppendQuote(b, text) // its error is invalid UTF-8, which it replaces
	return b
}

// isPlain reports whether the text consists of ASCII characters that JSON does not escape.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

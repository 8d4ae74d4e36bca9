package securityapi

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
)

// appendVerified appends the JSON form of v, as json.Marshal writes it. Verify is called for every request of every
// application, and reflection took a fifth of its time.
func appendVerified(b []byte, v VerifyResponse) []byte {
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
	if id, given := v.SessionID.Get(); given {
		b = appendText(b, id)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"user_id":`...)
	b = appendText(b, v.UserID)
	b = append(b, `,"username":`...)
	b = appendText(b, v.Username)
	if v.Valid {
		return append(b, `,"valid":true}`...)
	}
	return append(b, `,"valid":false}`...)
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
	b, _ = jsontext.AppendQuote(b, text) // its error is invalid UTF-8, which it replaces
	return b
}

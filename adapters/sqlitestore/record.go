package sqlitestore

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	strict "github.com/go-json-experiment/json" // reads twice as fast as the standard library

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// encode returns the JSON text of a document.
func encode[R records.Kind](record R) (string, error) {
	raw, err := json.Marshal(&record)
	if err != nil {
		return "", fmt.Errorf("encoding a %T: %w", record, err)
	}
	return string(raw), nil
}

// decode decodes a document into the value. Fields that the document lacks keep their values. The error does not
// contain any content of the document.
func decode[R records.Kind](doc string, into *R) error {
	if err := strict.Unmarshal([]byte(doc), into); err != nil {
		return fmt.Errorf("a stored %T cannot be read", *into)
	}
	return nil
}

// decodeUser decodes a user and sets the search text, which is stored only in its column.
func decodeUser(doc, searchText string) (domain.User, error) {
	var r records.User
	if err := decode(doc, &r); err != nil {
		return domain.User{}, err
	}
	r.SearchText = searchText
	return r.Domain(), nil
}

// decodeSession decodes a session and sets the last activity, which is stored only in its column.
func decodeSession(doc string, lastActivity int64) (domain.Session, error) {
	var r records.Session
	if err := decode(doc, &r); err != nil {
		return domain.Session{}, err
	}
	r.LastActivity = fromNano(lastActivity)
	return r.Domain(), nil
}

// decodeKey decodes an API key and sets the last use, which is stored only in its column.
func decodeKey(doc string, lastUsed int64) (domain.APIKey, error) {
	var r records.APIKey
	if err := decode(doc, &r); err != nil {
		return domain.APIKey{}, err
	}
	r.LastUsedAt = fromNano(lastUsed)
	return r.Domain(), nil
}

// decodeAs decodes a document and converts it.
func decodeAs[R records.Kind, T any](doc string, entity func(*R) T) (T, error) {
	var r R
	if err := decode(doc, &r); err != nil {
		var none T
		return none, err
	}
	return entity(&r), nil
}

// scanDoc reads a row of one document.
func scanDoc[R records.Kind, T any](entity func(*R) T) func(rowScanner) (T, error) {
	return func(rows rowScanner) (T, error) {
		doc, err := scanValue[string](rows)
		if err != nil {
			var none T
			return none, err
		}
		return decodeAs(doc, entity)
	}
}

// decodeSettings decodes settings. A setting that the document lacks, because it is newer, has its default value.
func decodeSettings(doc string) (domain.Settings, error) {
	r := records.StoredSettingsJSON()
	if err := decode(doc, &r); err != nil {
		return domain.Settings{}, err
	}
	return r.Domain(), nil
}

// decodeGroups decodes a list of group IDs that a query has extracted from a document.
func decodeGroups(list string) ([]domain.GroupID, error) {
	var groups []domain.GroupID
	if err := strict.Unmarshal([]byte(list), &groups); err != nil {
		return nil, errors.New("a list of groups cannot be read")
	}
	return groups, nil
}

// stamp returns the time as stored in columns: microseconds since 1970, or 0 for the zero time.
func stamp(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// fromNano returns the time of a column in nanoseconds since 1970, or the zero time for 0.
func fromNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

func toNano(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixNano()
}

package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/core/fault"
)

const codeWriteConflict = 112

// failed returns nil for nil, a fault unchanged, and fault.ErrStorage for every other error, since it is unknown
// whether the command was executed. The cause contains the operation and the server's error code. It contains no values
// and no error type of the driver.
func failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	return fault.ErrStorage.Because(fmt.Errorf("mongodb: %s: %s", doing, describe(err)))
}

func describe(err error) string {
	var command mongo.CommandError
	var write mongo.WriteException
	var bulk mongo.BulkWriteException
	switch {
	case errors.As(err, &write):
		return describeWrite(write.WriteErrors, write.WriteConcernError)
	case errors.As(err, &bulk):
		var errs mongo.WriteErrors
		for _, e := range bulk.WriteErrors {
			errs = append(errs, e.WriteError)
		}
		return describeWrite(errs, bulk.WriteConcernError)
	case errors.As(err, &command) && command.Code != 0:
		return fmt.Sprintf("code %d %s", command.Code, command.Name)
	case errors.Is(err, context.Canceled):
		return "canceled"
	case mongo.IsTimeout(err):
		return "timeout"
	default:
		return err.Error()
	}
}

func describeWrite(errs mongo.WriteErrors, concern *mongo.WriteConcernError) string {
	if concern != nil {
		return fmt.Sprintf("write concern: code %d %s", concern.Code, concern.Name)
	}
	codes := make([]string, len(errs))
	for i, e := range errs {
		codes[i] = fmt.Sprintf("code %d", e.Code)
	}
	return strings.Join(codes, ", ")
}

// isDuplicate reports whether the only errors are duplicate keys.
func isDuplicate(err error) bool {
	var write mongo.WriteException
	if errors.As(err, &write) && write.WriteConcernError != nil {
		return false
	}
	return mongo.IsDuplicateKeyError(err)
}

// onlyDuplicates is isDuplicate for a bulk write: every single error must be a duplicate key.
func onlyDuplicates(err error) bool {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || bulk.WriteConcernError != nil {
		return false
	}
	for _, e := range bulk.WriteErrors {
		if !e.HasErrorCode(11000) {
			return false
		}
	}
	return len(bulk.WriteErrors) > 0
}

// isConflict reports whether the server aborted the write because of a concurrent write to the same document.
func isConflict(err error) bool {
	var server mongo.ServerError
	return errors.As(err, &server) && server.HasErrorCode(codeWriteConflict)
}

// takenField returns the first field of the index whose key is taken. It uses keyPattern if the server sends it, else
// the index name in the error message.
func takenField(err error, fields map[string]string) string {
	for _, raw := range rawErrors(err) {
		if pattern, ok := raw.Lookup("keyPattern").DocumentOK(); ok {
			if elements, err := pattern.Elements(); err == nil && len(elements) > 0 {
				return elements[len(elements)-1].Key()
			}
		}
		text, _ := raw.Lookup("errmsg").StringValueOK()
		for name, field := range fields {
			if strings.Contains(text, name) {
				return field
			}
		}
	}
	return ""
}

func rawErrors(err error) []bson.Raw {
	var command mongo.CommandError
	var write mongo.WriteException
	var raws []bson.Raw
	switch {
	case errors.As(err, &write):
		for _, e := range write.WriteErrors {
			raws = append(raws, e.Raw)
		}
	case errors.As(err, &command):
		raws = append(raws, command.Raw)
	}
	return raws
}

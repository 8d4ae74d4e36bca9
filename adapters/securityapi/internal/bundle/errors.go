package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// usualCodes are the codes of each status where an operation names no others.
var usualCodes = map[int][]string{
	400: {"invalid_request"},
	401: {"unauthorized"},
	403: {"forbidden", "two_factor_enrollment_required"},
	404: {"not_found"},
	409: {"conflict"},
	412: {"precondition_failed"},
	413: {"body_too_large"},
	415: {"unsupported_media_type", "unsupported_encoding"},
	423: {"account_locked"},
	429: {"rate_limited"},
	431: {"header_too_large"},
	500: {"internal"},
	503: {"storage_unavailable", "directory_unavailable"},
}

// codesOf returns the codes of an operation's failures by their status: those that follow from what the operation is,
// and those of "x-errors", which holds statuses and objects of a status with its codes.
func codesOf(operation object) (map[int][]string, error) {
	codes := map[int][]string{}
	add := func(status int, names ...string) { codes[status] = append(codes[status], names...) }
	for _, status := range []int{400, 431, 500, 503} {
		add(status, usualCodes[status]...)
	}
	if operation["requestBody"] != nil {
		add(413, usualCodes[413]...)
		add(415, usualCodes[415]...)
	}
	if hasParameter(operation, "Cursor") {
		add(400, "use_cursor")
	}
	if hasParameter(operation, "IdempotencyKey") {
		add(409, "conflict")
	}
	switch operation["x-access"] {
	case nil:
		return nil, errors.New("no x-access")
	case "public":
	default:
		add(401, usualCodes[401]...)
		add(403, usualCodes[403]...) // whose role demands a second factor can be refused anywhere
	}
	own, _ := operation["x-errors"].([]any)
	for _, entry := range own {
		status, names, err := readError(entry)
		if err != nil {
			return nil, err
		}
		add(status, names...)
	}
	for status, names := range codes {
		slices.Sort(names)
		codes[status] = slices.Compact(names)
	}
	return codes, nil
}

func hasParameter(operation object, name string) bool {
	list, _ := operation["parameters"].([]any)
	return slices.ContainsFunc(list, func(p any) bool {
		o, _ := p.(object)
		return o["$ref"] == "#/components/parameters/"+name
	})
}

func readError(entry any) (int, []string, error) {
	if status, ok := entry.(int); ok {
		names, known := usualCodes[status]
		if !known {
			return 0, nil, fmt.Errorf("x-errors holds %d, which has no usual code", status)
		}
		return status, names, nil
	}
	object, _ := entry.(map[any]any)
	if len(object) != 1 {
		return 0, nil, errors.New("x-errors holds what is neither a status nor one with its codes")
	}
	for key, value := range object {
		status, ok := key.(int)
		list, _ := value.([]any)
		if !ok || len(list) == 0 {
			break
		}
		var names []string
		for _, name := range list {
			names = append(names, text(name))
		}
		return status, names, nil
	}
	return 0, nil, errors.New("x-errors holds a status without codes")
}

// addErrors writes the failures of an operation into it: as "x-error-codes", and as responses. A response whose codes
// are not the usual ones says which they are.
func addErrors(document, operation object) error {
	responses, ok := operation["responses"].(object)
	if !ok {
		return errors.New("no responses")
	}
	codes, err := codesOf(operation)
	if err != nil {
		return err
	}
	delete(operation, "x-errors")
	listed := object{}
	for _, status := range slices.Sorted(maps.Keys(codes)) {
		name := strconv.Itoa(status)
		listed[name] = codes[status]
		responses[name] = object{"$ref": "#/components/responses/" + name}
		usual := slices.Sorted(slices.Values(usualCodes[status]))
		if slices.Equal(codes[status], usual) {
			continue
		}
		shared := member(member(member(document, "components"), "responses"), name)
		if shared == nil {
			return fmt.Errorf("no shared response %s", name)
		}
		responses[name] = withCodes(shared, codes[status])
	}
	operation["x-error-codes"] = listed
	return nil
}

// withCodes returns the shared response with the codes of one operation, and without an example of another code.
func withCodes(shared object, codes []string) object {
	response := maps.Clone(shared)
	response["description"] = "`" + strings.Join(codes, "`, `") + "`."
	content := maps.Clone(member(member(shared, "content"), jsonType))
	if !slices.Contains(codes, text(member(content, "example")["error"])) {
		delete(content, "example")
	}
	response["content"] = object{jsonType: content}
	return response
}

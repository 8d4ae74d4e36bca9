package domain

import (
	"regexp"
	"strings"

	"github.com/ostiary/ostiary/core/fault"
)

// Person holds the texts about a user as a person, which the users themselves, administrators, imports and directories
// provide. PersonTexts declares each of them.
type Person struct {
	FullName    string
	PhoneNumber string
}

// PersonText declares one text of a Person. All rules about it derive from here.
type PersonText struct {
	Name string // in the APIs, in audit entries and in the settings of directories
	Of   func(*Person) *string
	// Check returns fault.ErrInvalid for an invalid text. Empty text means none and is valid.
	Check func(text string) error
	// Clean returns the text of a directory as it is stored, if Check accepts it.
	Clean func(text string) string
}

// PersonTexts are the texts of a Person, in the order of their fields.
var PersonTexts = []PersonText{
	{
		"full_name", func(p *Person) *string { return &p.FullName },
		func(text string) error { return Limits.FullName.CheckPrintable("full_name", text) },
		func(text string) string { return Printable(text, Limits.FullName.Max) },
	},
	{
		"phone_number", func(p *Person) *string { return &p.PhoneNumber },
		CheckPhoneNumber, phoneSeparators.Replace,
	},
}

// PersonPatch maps names of PersonTexts to new texts; an empty text clears.
type PersonPatch map[string]string

// NewPerson returns the person with the texts that the function returns for their names.
func NewPerson(text func(name string) string) Person {
	var p Person
	for _, declared := range PersonTexts {
		*declared.Of(&p) = text(declared.Name)
	}
	return p
}

// CheckTexts returns the errors of all texts.
func (p Person) CheckTexts() []error {
	var errs []error
	for _, text := range PersonTexts {
		errs = append(errs, text.Check(*text.Of(&p)))
	}
	return errs
}

// CleanTexts returns the texts of a directory under the rules for the same texts of the APIs. Invalid ones are empty.
func (p Person) CleanTexts() Person {
	for _, text := range PersonTexts {
		value := text.Of(&p)
		*value = text.Clean(*value)
		if text.Check(*value) != nil {
			*value = ""
		}
	}
	return p
}

// SetTexts applies the patch and returns the names of the texts that changed. It does not check them.
func (p *Person) SetTexts(patch PersonPatch) []string {
	var changed []string
	for _, text := range PersonTexts {
		if value, ok := patch[text.Name]; ok && *text.Of(p) != value {
			*text.Of(p) = value
			changed = append(changed, text.Name)
		}
	}
	return changed
}

// Checks returns the errors of the new texts.
func (patch PersonPatch) Checks() []error {
	var errs []error
	for _, text := range PersonTexts {
		if value, ok := patch[text.Name]; ok {
			errs = append(errs, text.Check(value))
		}
	}
	return errs
}

var phoneForm = regexp.MustCompile(Patterns.PhoneNumber)

// CheckPhoneNumber returns fault.ErrInvalid for text that is not a number in E.164 form. Empty text means no number and
// is valid.
func CheckPhoneNumber(number string) error {
	if number != "" && !phoneForm.MatchString(number) {
		return fault.ErrInvalid.About("phone_number", "must be in E.164 form, such as +420123456789")
	}
	return nil
}

// phoneSeparators removes the separators that directories write between the digits of a phone number.
var phoneSeparators = strings.NewReplacer("(0)", "", " ", "", "\u00a0", "", "-", "", "(", "", ")", "", ".", "", "/", "")

// Package config defines the configuration of Ostiary: every key with its type and default, the sources of values,
// and the validation.
//
// The annotated example, ostiary.example.yaml, is the one list of keys with their defaults: it is embedded, and Default
// reads it. The fields of Config give each key its type, and its place in the tree the environment variable.
//
// Values come from the defaults, one YAML file, the environment and the flags of the command line; later sources
// override earlier ones. All are merged into one tree, and the source of each value is recorded for the messages. The
// key storage.mongodb.uri is OSTIARY_STORAGE_MONGODB_URI in the environment. Secrets may also be in files of their own:
// <key>_file in the YAML file, OSTIARY_<KEY>_FILE in the environment.
//
// The binder (bind.go) and the line finder (source.go) are used instead of the strict decoder of the YAML library,
// which was tried on the cases of TestMistakes. Of eleven cases of a wrong key or type it accepts five: a number and a
// date for a text, a fraction for a whole number, a text for a switch, a negative time. It reports the others by Go
// type and not by key, and quotes values, which may be secrets. Five of six mistakes are found after decoding, when a
// decoder has no lines any more.
//
// Validation is strict: an unknown key or variable is an error, and so is an unsafe value. All errors are reported at
// once, each with its key and a remedy. No error text of this package contains a secret.
package config

// Package config defines the configuration of Ostiary: every key with its type and default, the sources of values,
// and the validation.
//
// Values come from the defaults, one YAML file, the environment and the flags of the command line; later sources
// override earlier ones. The key storage.mongodb.uri is OSTIARY_STORAGE_MONGODB_URI in the environment. Secrets may
// also be in files of their own: <key>_file in the YAML file, OSTIARY_<KEY>_FILE in the environment.
//
// Validation is strict: an unknown key or variable is an error, and so is an unsafe value. All errors are reported at
// once, each with its key and a remedy. No error text of this package contains a secret.
package config

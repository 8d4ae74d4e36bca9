// Package config is the configuration of Ostiary: every key with its type and default, where values come from, and what
// makes no sense.
//
// Values come from the defaults, one YAML file, the environment and the flags of the command line, each winning over
// those before it. The key storage.mongodb.uri is OSTIARY_STORAGE_MONGODB_URI in the environment. Secrets may also stand
// in files of their own: <key>_file in the YAML file, OSTIARY_<KEY>_FILE in the environment.
//
// Nothing is guessed: a key or variable that nobody knows is a mistake, and so is a value that would be dangerous. All
// mistakes are told at once, each with its key and what to write instead. No text of this package holds a secret.
package config

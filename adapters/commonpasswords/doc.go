// Package commonpasswords knows the passwords that everybody tries first. It needs no network and no file.
//
// The words come from the list of 7,141 common passwords that ships with zxcvbn (Dan Wheeler's selection from leaked lists,
// MIT license; the module github.com/ccojocar/zxcvbn-go carries it), and a few that people choose where a password must be
// changed every quarter: seasons, months, weekdays and the like. Few of them meet a policy as they stand, so what is looked
// for is not only the list but what people and cracking programs make of it:
//
//   - capitals anywhere: PASSWORD, pAssword
//   - the usual stand-ins: p@$$w0rd, l3tm31n
//   - up to four digits or a simple run of them, and up to two signs or one repeated, before or after: Password1234!, !!Dragon2024
//   - the word said again: dragondragon, Dragon-Dragon1!
//   - runs of the keyboard and the alphabet, and a short piece said again: qwertyuiop12, Abcdefghijk1!, abcabcabcabc
//
// Under the default policy (twelve characters, all four classes) that makes several hundred million passwords of them. A
// phrase of several different words is not known, however common each word is.
package commonpasswords

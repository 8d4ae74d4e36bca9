// Package commonpasswords recognizes common passwords, which attackers try first. It needs no network and no file.
//
// The words come from the list of 7,141 common passwords that ships with zxcvbn (Dan Wheeler's selection from leaked
// lists, MIT license; included in the module github.com/ccojocar/zxcvbn-go), and a few that people choose where a
// password must be changed every quarter: seasons, months, weekdays and similar words. Few of them satisfy a policy
// themselves, so the package also recognizes the variants that people and cracking programs derive from them:
//
//   - capitals anywhere: PASSWORD, pAssword
//   - the usual stand-ins: p@$$w0rd, l3tm31n
//   - up to four digits or a simple run of them, and up to two signs or one repeated, before or after: Password1234!,
//     !!Dragon2024
//   - the word said again: dragondragon, Dragon-Dragon1!
//   - runs of the keyboard and the alphabet, and a short piece said again: qwertyuiop12, Abcdefghijk1!, abcabcabcabc
//
// Under the default policy (twelve characters, all four classes) these are several hundred million passwords. A
// phrase of several different words is not recognized, however common each word is.
package commonpasswords

// Package importfile reads the files that users are imported from: the configuration export of the original Users API, and
// Ostiary's own format of one JSON object a line.
//
// A row that cannot be read is told with its place and does not end the file; a file that is of neither format does.
package importfile

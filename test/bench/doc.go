// Package bench measures what the product promises of its speed; `make bench` prints the table. Nothing here passes or
// fails: how fast a machine is says nothing about whether the code is right.
package bench

// Package bench measures what the product promises of its speed; `make bench` ends with a table of the figures beside
// their limits. A figure is processor time, memory or a ratio of one run. No benchmark fails for its figure: how fast a
// machine is says nothing about whether the code is right.
package bench

//go:build !race

package general

// cancels is how many clients row 39 has leave.
const cancels = 10_000

// conversations is how many mutated messages are sent through both fronts; "make test-fronts" has more.
const conversations = 10_000

//go:build race

package general

// cancels is how many clients row 39 has leave: fewer where each costs more.
const cancels = 2_500

// conversations is how many mutated messages are sent through both fronts.
const conversations = 2_000

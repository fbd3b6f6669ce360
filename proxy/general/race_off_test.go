//go:build !race

package general

// cancels is how many clients row 39 has leave.
const cancels = 10_000

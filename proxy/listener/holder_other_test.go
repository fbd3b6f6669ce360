//go:build !linux

package listener

const holdersAreKnown = false

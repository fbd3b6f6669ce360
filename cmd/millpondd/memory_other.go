//go:build !linux

package main

import "runtime/debug"

// giveBack returns unused heap to the system. Other systems take back pages of a
// program's file by themselves, or count them as shared.
func giveBack() { debug.FreeOSMemory() }

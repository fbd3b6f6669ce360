// Package windows lives the life of an installation by the setup program under wine: installed, used,
// upgraded while it runs, once in vain, and removed. What came of it is asserted from outside: by requests through the
// daemon, by files and the registry, by the picture of the screen.
//
// Each run has a prefix, a screen and a home of its own, and ends what it has started by ending that prefix's wineserver.
// wine is not Windows: what it cannot show is in the README.
package windows

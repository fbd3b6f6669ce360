package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
)

// writeSums writes the checksums of files that lie beside it, as "sha256sum --check" reads them.
func writeSums(paths []string, to string) error {
	var sums bytes.Buffer
	for _, path := range paths {
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(body), filepath.Base(path))
	}
	return os.WriteFile(to, sums.Bytes(), 0o644)
}

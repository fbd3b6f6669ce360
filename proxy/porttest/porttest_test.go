package porttest

import (
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
)

// listenHere has the test binary listen on an address until it is killed.
const listenHere = "MILLPOND_TEST_LISTEN"

func TestMain(m *testing.M) {
	address := os.Getenv(listenHere)
	if address == "" {
		os.Exit(m.Run())
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString("listens\n")
	var kept []net.Conn // until the end
	for {
		nc, err := ln.Accept()
		if err != nil {
			panic(err)
		}
		kept = append(kept, nc)
		kept[len(kept)-1].Write([]byte("x"))
	}
}

// refused fails t if somebody answers at address.
func refused(t *testing.T, address string) {
	t.Helper()
	if nc, err := net.Dial("tcp", address); err == nil {
		nc.Close()
		t.Errorf("%s answers; want a refusal", address)
	}
}

func TestHeldPortIsListenedOnAndClosed(t *testing.T) {
	address := Hold(t)
	refused(t, address)
	for range 3 {
		ln := ListenOn(t, address)
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		ln.Close()
		refused(t, address)
	}
}

// A program that is killed leaves connections behind, and the port is held as before.
func TestHeldPortOutlivesAProgram(t *testing.T) {
	address := Hold(t)
	for range 2 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), listenHere+"="+address)
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		if _, err := io.ReadFull(out, make([]byte, len("listens\n"))); err != nil {
			t.Fatalf("it does not listen: %v", err)
		}
		nc, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		cmd.Process.Kill()
		cmd.Wait()
		refused(t, address)
	}
}

package signer

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/store/disk"
)

// childDir asks this test binary to be a signer: it answers lines of its input until it is killed.
const childDir = "REEVE_TEST_SIGNER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serve(dir, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func osConfig(dir string) Config {
	return Config{Disk: disk.OS{}, KeyFile: filepath.Join(dir, "signing.key"), Dir: filepath.Join(dir, "log"), CompactAt: 8000}
}

// serve signs what its input asks for, a block a line, and answers in the order of the questions. All that has arrived is one batch.
func serve(dir string, in io.Reader, out io.Writer) error {
	s := New(osConfig(dir))
	if _, err := s.Open(); err != nil {
		return err
	}
	lines := make(chan string, MaxBatch)
	go func() {
		defer close(lines)
		for scan := bufio.NewScanner(in); scan.Scan(); {
			lines <- scan.Text()
		}
	}()
	for line := range lines {
		batch := []signbytes.Payload{parse(line)}
		for len(lines) > 0 && len(batch) < MaxBatch {
			batch = append(batch, parse(<-lines))
		}
		signed, _, err := s.Sign(batch)
		if err != nil {
			return err
		}
		for i, a := range signed {
			answer := hex.EncodeToString(a.Signature)
			if a.Err != nil {
				answer = "refused"
			}
			if _, err := fmt.Fprintln(out, ask(batch[i].(signbytes.Block)), answer); err != nil {
				return err
			}
		}
	}
	return s.Close()
}

func ask(b signbytes.Block) string { return fmt.Sprint(b.Height, " ", b.BodyHash[0]) }

func parse(line string) signbytes.Block {
	var b signbytes.Block
	if _, err := fmt.Sscan(line, &b.Height, &b.BodyHash[0]); err != nil {
		panic(err)
	}
	return b
}

// A real process on a real disk is killed at any moment, again and again, while a client asks it for both sides of everything.
func TestNoContradictionWhenTheProcessIsKilled(t *testing.T) {
	kills := crashes(t, 60)
	dir := t.TempDir()
	key, err := Create(osConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{key: key, signed: map[string]signbytes.Payload{}}
	rng := rand.New(rand.NewPCG(1, 2))
	height := uint64(0)
	for range kills {
		height = killOnce(t, dir, l, rng, height)
	}
	auditProcess(t, dir, l)
	t.Logf("%d kills, %d blocks signed", kills, len(l.signed))
	if len(l.signed) < kills {
		t.Errorf("only %d signatures left in %d lives", len(l.signed), kills)
	}
}

// killOnce starts the signer, asks from a few heights back on, kills it after some hundred microseconds, and reads all that it had answered.
func killOnce(t *testing.T, dir string, l *ledger, rng *rand.Rand, height uint64) uint64 {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	first := height - min(height, 5)
	var asking sync.WaitGroup
	asking.Go(func() { askBothSides(in, first, rng.Uint64()) })
	scan := bufio.NewScanner(out)
	for answered := 0; scan.Scan(); answered++ {
		height = max(height, l.line(t, scan.Text()))
		if answered == 0 { // it is up: let it work for a random while
			time.AfterFunc(time.Duration(rng.IntN(5000))*time.Microsecond, func() { _ = child.Process.Kill() })
		}
	}
	_ = child.Wait() // killed
	asking.Wait()
	return height
}

// askBothSides goes on until the pipe breaks.
func askBothSides(in io.Writer, height uint64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for ; ; height++ {
		side := byte(1 + rng.IntN(2))
		if _, err := fmt.Fprintf(in, "%d %d\n%d %d\n", height, side, height, 3-side); err != nil {
			return
		}
	}
}

// line takes note of one answer; the last one of a life may be torn.
func (l *ledger) line(t *testing.T, line string) uint64 {
	at := strings.LastIndex(line, " ")
	if at < 0 || strings.HasSuffix(line, "refused") {
		return 0
	}
	signature, err := hex.DecodeString(line[at+1:])
	if err != nil || len(signature) != 64 {
		return 0
	}
	b := parse(line[:at])
	encoded, _ := b.Encode()
	l.leaves(t, b, Signed{Signature: signature, PayloadHash: signbytes.HashOf(encoded)})
	return b.Height
}

func auditProcess(t *testing.T, dir string, l *ledger) {
	s := New(osConfig(dir))
	if _, err := s.Open(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, p := range l.signed {
		b := p.(signbytes.Block)
		b.BodyHash = primitives.Hash{9}
		signed, _, err := s.Sign([]signbytes.Payload{b})
		if err != nil || signed[0].Err == nil {
			t.Fatalf("there is no record of the %s (%v)", p, err)
		}
	}
}

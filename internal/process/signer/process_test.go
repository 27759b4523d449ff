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
	"github.com/reevenet/reeve/internal/core/signlog"
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
	return Config{Disk: disk.OS{}, KeyFile: filepath.Join(dir, "signing.key"), Dir: filepath.Join(dir, "log"),
		CompactAt: 8000}
}

// serve signs what its input asks for, a block or vote a line, and answers in the order of the questions. All that has
// arrived is one batch.
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
			if _, err := fmt.Fprintln(out, ask(batch[i]), answer); err != nil {
				return err
			}
		}
	}
	return s.Close()
}

func ask(p signbytes.Payload) string {
	if v, ok := p.(signbytes.Vote); ok {
		return fmt.Sprint("vote ", v.Height, " ", v.Block[0], " ", v.Round, " ", uint8(v.Phase))
	}
	b := p.(signbytes.Block)
	return fmt.Sprint("block ", b.Height, " ", b.BodyHash[0])
}

func parse(line string) signbytes.Payload {
	var kind string
	var height uint64
	var side byte
	if _, err := fmt.Sscan(line, &kind, &height, &side); err != nil {
		panic(err)
	}
	if kind == "block" {
		return signbytes.Block{Height: height, BodyHash: primitives.Hash{side}}
	}
	v := signbytes.Vote{Height: height, Block: primitives.Hash{side}}
	if _, err := fmt.Sscan(line, &kind, &height, &side, &v.Round, &v.Phase); err != nil {
		panic(err)
	}
	return v
}

// A real process on a real disk is killed at any moment, again and again, while a client asks it for both sides of
// everything.
func TestNoContradictionWhenTheProcessIsKilled(t *testing.T) {
	kills := crashes(t, 60)
	dir := t.TempDir()
	key, err := Create(osConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	ledger := newLedger(key)
	l := &ledger
	rng := rand.New(rand.NewPCG(1, 2))
	height := uint64(0)
	for range kills {
		height = killOnce(t, dir, l, rng, height)
		afterProcess(t, dir, l.toldBy)
	}
	afterProcess(t, dir, l.refused)
	t.Logf("%d kills, %d blocks and votes signed, %d of them votes", kills, len(l.signed), len(l.votes))
	if blocks := len(l.signed) - len(l.votes); blocks < kills || len(l.votes) < kills {
		t.Errorf("only %d blocks and %d votes left in %d lives", blocks, len(l.votes), kills)
	}
}

// killOnce starts the signer, asks from a few heights back on, kills it after some hundred microseconds, and reads all
// that it had answered.
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

// askBothSides goes on until the pipe breaks: at each height for two blocks, and for votes on them in two rounds.
func askBothSides(in io.Writer, height uint64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for ; ; height++ {
		for turn := range uint32(5) {
			one, other := sides(height, turn, byte(1+rng.IntN(2)))
			if _, err := fmt.Fprintf(in, "%s\n%s\n", ask(one), ask(other)); err != nil {
				return
			}
		}
	}
}

// sides are two payloads of which one may be signed: in turn a block, and the votes of two rounds.
func sides(height uint64, turn uint32, side byte) (one, other signbytes.Payload) {
	if turn == 0 {
		return signbytes.Block{Height: height, BodyHash: primitives.Hash{side}},
			signbytes.Block{Height: height, BodyHash: primitives.Hash{3 - side}}
	}
	v := signbytes.Vote{Height: height, Round: (turn - 1) / 2, Phase: signbytes.Phase(2 - turn%2)}
	w := v
	v.Block[0], w.Block[0] = side, 2-side // the other is for another block, or for none
	return v, w
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
	p := parse(line[:at])
	encoded, _ := p.Encode()
	l.leaves(t, p, Signed{Signature: signature, PayloadHash: primitives.HashOf(encoded)})
	if v, ok := p.(signbytes.Vote); ok {
		return v.Height
	}
	return p.(signbytes.Block).Height
}

// afterProcess looks into the log that a process has left.
func afterProcess(t *testing.T, dir string, look func(*testing.T, *Signer)) {
	s := New(osConfig(dir))
	mustOpen(t, s)
	look(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (l *ledger) toldBy(t *testing.T, s *Signer) {
	height, ballots, err := s.Ballots(0, primitives.Hash{})
	if err != nil {
		t.Fatal(err)
	}
	l.told(t, signlog.DefaultLimits.VotesPerChain, height, ballots)
}

// Command strange is validation code that asks for all that differs from run to run in an ordinary program: the clock,
// randomness, the order of a map, of goroutines, of timers. It yields what it found.
package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/reevenet/reeve/services/candidatevalidation/guest"
)

func init() { guest.Serve(validate) }

func main() {}

func validate(p guest.Params) (guest.Outputs, error) {
	switch string(p.BlockData) {
	case "panic":
		var none []int
		return guest.Outputs{}, fmt.Errorf("never said: %d", none[len(p.BlockData)])
	case "deadlock":
		<-make(chan int)
	case "exit":
		os.Exit(0)
	case "memory":
		for kept := [][]byte{}; ; {
			kept = append(kept, make([]byte, 1<<20))
		}
	}
	return guest.Outputs{HeadData: found()}, nil
}

func found() []byte {
	began := time.Now()
	var out []byte
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			time.Sleep(time.Duration(mathrand.IntN(1000)) * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			out = append(out, byte(i))
		})
	}
	all.Wait()
	for k := range map[string]int{"a": 1, "b": 2, "c": 3, "d": 4, "e": 5} {
		out = append(out, k...)
	}
	drawn := make([]byte, 16)
	rand.Read(drawn)
	out = append(out, drawn...)
	out = binary.BigEndian.AppendUint64(out, maphash.String(maphash.MakeSeed(), "seed"))
	out = binary.BigEndian.AppendUint64(out, math.Float64bits(math.NaN()*float64(len(drawn))))
	_, err := os.Open("/etc/passwd")
	return fmt.Appendf(out, "%v %v %v %v", time.Now().UTC(), time.Since(began), os.Environ(), err)
}

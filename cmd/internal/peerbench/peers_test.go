package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets this test binary play a child process, since a fleet starts its own executable.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "role" {
		if err := run(os.Args[1:]); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestEveryPeerAnswersAndCountsAndLeavesNoProcess(t *testing.T) {
	for name := range peers {
		t.Run(name, func(t *testing.T) {
			var pids []int
			err := withAsker(name, func(a *asker) error {
				for _, clock := range a.clocks {
					pids = append(pids, int(^(int32(clock) >> 3)))
				}
				ask := a.play(round{Op: "ask", Size: 64, N: 20})
				if ask.Error != "" || ask.P50 <= 0 || ask.P99 < ask.P50 || ask.CPU <= 0 || ask.PerSecond <= 0 {
					t.Errorf("ask: %+v", ask)
				}
				for range 2 { // the second round would see a count that the first left behind
					if flood := a.play(round{Op: "flood", Size: 64, N: 1000}); flood.Error != "" ||
						flood.PerSecond <= 0 {
						t.Errorf("flood: %+v", flood)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, pid := range pids {
				if pid != os.Getpid() && syscall.Kill(pid, 0) == nil {
					t.Errorf("process %d is still there", pid)
				}
			}
		})
	}
}

func TestAnUnknownPeerIsRefused(t *testing.T) {
	if err := withAsker("nobody", nil); err == nil {
		t.Fatal("it was started")
	}
}

func TestASessionAnswersEveryLineAndNeverStops(t *testing.T) {
	in := strings.NewReader("{\"op\":\"ask\",\"size\":64,\"n\":3}\nnonsense\n{\"op\":\"ask\",\"size\":1,\"n\":1}\n")
	var out bytes.Buffer
	var played []round
	err := playLines(in, &out, func(order round) result {
		played = append(played, order)
		return result{Op: order.Op, Size: order.Size, N: order.N}
	})
	if err != nil {
		t.Fatal(err)
	}
	var failed []bool
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var res result
		if err := decoder.Decode(&res); err != nil {
			t.Fatal(err)
		}
		failed = append(failed, res.Error != "")
	}
	if len(played) != 2 || len(failed) != 3 || failed[0] || !failed[1] || failed[2] {
		t.Fatalf("played %v, failed %v", played, failed)
	}
}

func TestOrdersOutOfRangeAreRefused(t *testing.T) {
	for _, order := range []round{{Op: "ask", Size: 0, N: 1}, {Op: "ask", Size: 1},
		{Op: "ask", Size: maxPayload + 1, N: 1}, {Op: "dance", Size: 1, N: 1}} {
		if res := (&asker{}).play(order); res.Error == "" {
			t.Errorf("%+v was played", order)
		}
	}
}

func FuzzFramesNeverPanic(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 7})
	f.Add([]byte{255, 255, 255, 255, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		frames := newFrames(bytes.NewBuffer(data))
		for {
			if _, body, err := frames.read(); err != nil {
				return
			} else if len(body) > maxPayload {
				t.Fatalf("%d bytes", len(body))
			}
		}
	})
}

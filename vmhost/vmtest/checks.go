package vmtest

import (
	"bytes"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// checks are all of them, the simplest first.
var checks = []check{
	{"describe", "The plugin says who it is, before anything else.", describe},
	{"genesis", "Initialize on an empty disk gives a block of height 0 that ParseBlock reads.", genesis},
	{"build", "BuildBlock gives a block on the preferred one, or says that there is nothing to build.", build},
	{"parse", "ParseBlock gives the same block for the same bytes.", parse},
	{"malformed", "ParseBlock refuses bytes that aren't a block and lives on.", malformed},
	{"verify-pure", "Verify changes nothing: siblings are verified in any order, and only the accepted one counts.", verifyPure},
	{"children", "A block can be built and verified on one that isn't decided yet.", children},
	{"preference", "BuildBlock follows the preference.", preference},
	{"missing-parent", "A block whose parent isn't known is no verdict.", missingParent},
	{"determinism", "Two VMs that are given the same blocks have the same ids and the same state.", determinism},
	{"crash", "A VM killed between any two calls goes on where the record ends, and arrives at the same state.", crash},
	{"states", "The VM follows the engine's stages, back to bootstrapping too.", states},
	{"strangers", "App messages of strangers, whatever they are, harm nothing and hold up no block call.", strangers},
	{"http", "HTTP handlers serve beside block calls, and only the host.", httpBeside},
	{"shutdown", "Shutdown is answered, and the plugin ends by itself.", shutdown},
}

func describe(k *kit) {
	s := k.start()
	a := call(s, "Describe", &pb.DescribeRequest{}, s.vm.Describe)
	if a.GetName() == "" || a.GetVersion() == "" {
		k.fail("it says name %q, version %q", a.GetName(), a.GetVersion())
	}
	k.report.Name, k.report.Version = a.GetName(), a.GetVersion()
	call(s, "Ping", &pb.PingRequest{}, s.vm.Ping)
	health := call(s, "HealthCheck", &pb.HealthCheckRequest{}, s.vm.HealthCheck)
	if !health.GetHealthy() {
		k.fail("a VM that has just begun isn't well: %s", health.GetCause())
	}
}

func genesis(k *kit) {
	s := k.start()
	if s.last.GetHeight() != 0 || len(s.last.GetId()) != 32 {
		k.fail("the genesis block has height %d and an id of %d bytes", s.last.GetHeight(), len(s.last.GetId()))
	}
	b, e := s.parse(s.last.GetContent())
	s.must("ParseBlock of the genesis block", e)
	if !bytes.Equal(b.GetId(), s.last.GetId()) || b.GetHeight() != 0 {
		k.fail("parsed, the genesis block is %s of height %d; it began as %s", short(b.GetId()), b.GetHeight(), short(s.last.GetId()))
	}
	a := call(s, "LastAccepted", &pb.LastAcceptedRequest{}, s.vm.LastAccepted)
	if !bytes.Equal(a.GetBlock().GetId(), s.last.GetId()) {
		k.fail("LastAccepted is %s", short(a.GetBlock().GetId()))
	}
}

func build(k *kit) {
	s := k.start()
	if k.options.Work != nil {
		if b, e := s.tryBuild(1); e.GetNothingToBuild() == nil {
			k.fail("without work BuildBlock gave block %v and error %v; it should say that there is nothing to build", short(b.GetId()), e)
		}
	}
	s.work(0)
	b := s.build(2)
	if !bytes.Equal(b.GetParentId(), s.last.GetId()) || b.GetHeight() != 1 {
		k.fail("the block has parent %s and height %d; the preferred block is %s of height 0", short(b.GetParentId()), b.GetHeight(), short(s.last.GetId()))
	}
	s.verify(b)
	s.accept(b)
	a := call(s, "LastAccepted", &pb.LastAcceptedRequest{}, s.vm.LastAccepted)
	if a.GetBlock().GetHeight() != 1 {
		k.fail("after accepting the first block LastAccepted has height %d", a.GetBlock().GetHeight())
	}
}

func parse(k *kit) {
	s := k.start()
	blocks := s.grow(2)
	other := k.start()
	for _, b := range blocks {
		for range 2 {
			got, e := other.parse(b.GetContent())
			other.must("ParseBlock", e)
			want := proto.CloneOf(b)
			want.Content = nil
			got.Content = nil
			if !proto.Equal(got, want) {
				k.fail("built as {%v}, parsed as {%v}", want, got)
			}
		}
	}
}

// malformed tries truncations, bytes left over, and many changes. A change may make another block; what it may not do
// is end the VM or keep the id.
func malformed(k *kit) {
	s := k.start()
	content := s.grow(1)[0].GetContent()
	id, _ := s.parse(content)
	for _, bad := range [][]byte{{}, {0}, []byte("not a block"), bytes.Repeat([]byte{0xff}, 4096), content[:len(content)-1], append(bytes.Clone(content), 0)} {
		if b, e := s.parse(bad); e.GetInvalidBlock() == nil {
			k.fail("%d bytes that aren't a block (%.16x…) gave block %s and error %v; they should be an invalid block", len(bad), bad, short(b.GetId()), e)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		changed := bytes.Clone(content)
		changed[rng.IntN(len(changed))] ^= byte(1 + rng.IntN(255))
		if b, e := s.parse(changed); e == nil && bytes.Equal(b.GetId(), id.GetId()) {
			k.fail("different bytes have the same id %s", short(b.GetId()))
		}
	}
	s.parse(content)
}

func verifyPure(k *kit) {
	plain := k.start()
	b, c := plain.siblings()
	plain.verify(c)
	plain.accept(c)
	want := plain.state()
	for _, order := range [][]*pb.Block{{b, c}, {c, b}} {
		s := k.start()
		before := s.state()
		for _, x := range order {
			s.verify(x)
			s.verify(x)
		}
		if s.state() != before {
			k.fail("verifying wrote to the database")
		}
		s.accept(c)
		s.reject(b)
		if s.state() != want {
			k.fail("the state after accepting %s differs when its sibling %s was verified too", short(c.GetId()), short(b.GetId()))
		}
	}
}

func children(k *kit) {
	s := k.start()
	s.work(0)
	a := s.build(1)
	s.verify(a)
	s.prefer(a)
	s.work(1)
	b := s.build(2)
	if !bytes.Equal(b.GetParentId(), a.GetId()) || b.GetHeight() != 2 {
		k.fail("built on undecided block %s: parent %s, height %d", short(a.GetId()), short(b.GetParentId()), b.GetHeight())
	}
	s.verify(b)
	s.accept(a)
	s.accept(b)
}

func preference(k *kit) {
	s := k.start()
	b, c := s.siblings()
	s.verify(b)
	s.verify(c)
	for i, x := range []*pb.Block{b, c, b} {
		s.prefer(x)
		s.work(1 + i)
		child, e := s.tryBuild(300 + i)
		if e.GetNothingToBuild() != nil {
			continue
		}
		s.must("BuildBlock", e)
		if !bytes.Equal(child.GetParentId(), x.GetId()) {
			k.fail("preferred is %s, built on %s", short(x.GetId()), short(child.GetParentId()))
		}
	}
}

func missingParent(k *kit) {
	blocks := k.start().grow(2)
	s := k.start()
	if e := s.tryVerify(blocks[1]); e.GetMissingParent() == nil {
		k.fail("verifying a block before its parent gave {%v}; it should say which parent is missing", e)
	}
	s.verify(blocks[0])
	s.verify(blocks[1])
}

package services_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loop is a place where we accept, serve, or read until something ends.
type loop struct {
	passing string // what it does on an error that passes, or that it can't tell from one that lasts
	test    string // the folder and the name of the test that feeds it one
}

// loops are all of them, by file and function. Whoever writes another one says here what an error does to it, and has
// a test that feeds it one: an end that nobody notices is a part that looks well and does nothing.
var loops = map[string]loop{
	"internal/bus/accept/accept.go Next": {
		"waits and tries again",
		"internal/bus/accept TestWhatPassesIsWaitedOutWithGrowingPausesAndLogged"},
	"internal/bus/accept/accept.go Accept": {
		"the same",
		"internal/bus/accept TestAListenerThatHasEndedSaysWhy"},
	"internal/bus/carrier/ends.go Serve": {
		"goes on accepting; a listener that ended ends its caller",
		"internal/bus/carrier TestEveryDoorOfTheBusAcceptsAgainAndEndsWithItsCause"},
	"internal/bus/grpcstream/server.go Serve": {
		"goes on accepting; a listener that ended is its error",
		"internal/bus/grpcstream TestAcceptingGoesOnAfterTooManyOpenFiles"},
	"internal/bus/grpcstream/server.go stream": {
		"closes the connection, a second later at most",
		"internal/bus/grpcstream TestASendToWhoDoesNotReadDoesNotHoldUpTheEnd"},
	"internal/bus/grpcstream/sniff.go firstCall": {
		"closes the connection",
		"internal/bus/grpcstream TestWhatIsNoHTTP2IsHungUpOn"},
	"internal/bus/grpcstream/recv.go fill": {
		"ends the stream, and every later Recv says why",
		"internal/bus/grpcstream TestTheHandlerLearnsWhoIsThereAndThatTheClientHasGone"},
	"internal/bus/httpdoor/httpdoor.go Serve": {
		"goes on accepting; a listener that ended is logged",
		"internal/bus/httpdoor TestADoorWhoseListenerEndsByItselfSaysSo"},
	"internal/bus/httpdoor/listener.go Accept": {
		"goes on accepting",
		"internal/bus/httpdoor TestADoorStaysOpenWhateverPassesWhileItAccepts"},
	"internal/bus/httpdoor/listener.go refuse": {
		"closes the connection, half a second later at most",
		"internal/bus/httpdoor TestWhoFindsNoPlaceAtAllIsToldSo"},
	"internal/process/supervise/output.go drain": {
		"closes the pipe, so that who writes isn't held up",
		"internal/process/supervise TestAPipeThatCanNotBeReadIsClosed"},
	"overseer/attachment.go read": {
		"ends the attachment; the instance may attach again",
		"overseer TestAStreamThatBreaksEndsItsAttachmentAlone"},
	"overseer/subsystem/link.go read": {
		"ends the attachment, and the instance attaches again",
		"overseer TestWhoIsReplacedLearnsOfItAndStartsAnew"},
	"services/candidatevalidation/sandbox/serve.go run": {
		"ends the worker, and the run is tried once more on another",
		"services/candidatevalidation/workers TestAWorkerThatSaysNothingIsEndedInTime"},
	"services/candidatevalidation/workers/tail.go follow": {
		"closes the pipe; the worker's end is noticed by itself",
		"services/candidatevalidation/workers TestAWorkerThatSaysNothingIsEndedInTime"},
	"services/networkbridge/p2p/listen.go accept": {
		"waits and tries again; a listener that ended ends the bridge",
		"services/networkbridge/p2p TestAListenerThatFailsForAMomentGoesOn"},
	"services/networkbridge/p2p/listen.go readHalf": {
		"closes the connection",
		"services/networkbridge/p2p TestHalfOpenConnectionsDoNotKeepAnHonestPeerOut"},
	"services/networkbridge/p2p/dial.go awaitVerdict": {
		"the call has failed, which the bridge is told",
		"services/networkbridge/p2p TestACallThatBreaksBeforeItsVerdictIsToldOf"},
	"services/networkbridge/p2p/frame.go readFrame": {
		"is its error",
		"services/networkbridge/p2p TestALyingLengthAllocatesNextToNothing"},
	"services/networkbridge/p2p/lane.go read": {
		"ends the link, which the bridge is told",
		"services/networkbridge/p2p TestAFrameThatIsTooLongEndsTheLink"},
	"services/networkbridge/p2p/link.go watch": {
		"ends the link, which the bridge is told",
		"services/networkbridge/p2p TestAPeerStartedAnewReplacesTheLinkOfItsOldRun"},
	"vmhost/database/remote/client.go Next": {
		"ends the range with an error",
		"vmhost/database/remote TestARangeThatBreaksEndsWithAnError"},
	"vmhost/fastcall/answer.go answer": {
		"ends the channel, and the other side's call fails",
		"vmhost/fastcall TestAChannelWhoseOtherEndIsGoneFailsOneCallAsUnavailable"},
	"vmhost/fastcall/server.go Serve": {
		"goes on accepting; a listener that ended is logged",
		"vmhost/fastcall TestAListenerOfCallsThatEndsByItselfIsSaid"},
	"vmhost/process/process.go serveHost": {
		"the same",
		"vmhost/fastcall TestAListenerOfCallsThatEndsByItselfIsSaid"},
	"vmhost/process/host.go Accept": {
		"goes on accepting, as part of the same",
		"internal/bus/grpcstream TestAcceptingGoesOnAfterTooManyOpenFiles"},
	"vmhost/process/lines.go read": {
		"closes the pipe, and ends the library's wait",
		"vmhost/process TestAHandshakesPipeThatBreaksEndsTheLibrarysWait"},
	"vmhost/process/output.go read": {
		"closes the pipe, so that the plugin isn't held up",
		"vmhost/process TestAPipeThatBreaksIsClosedAndWhatCameIsHeard"},
	"vmhost/httpserver.go answer": {
		"goes on accepting; where the listener ended another one begins",
		"vmhost TestAChainsDoorWhoseListenerHasEndedIsOpenedAgain"},
	"vmhost/vmsdk/httpserver.go listen": {
		"goes on accepting; the file goes with the listener, and the host replaces the plugin",
		"vmhost TestASocketThatSomebodyRemovesIsMadeAgain"},
	"vmhost/vmsdk/serve.go Serve": {
		"the library's server; without an answer to its ping the plugin is replaced",
		"vmhost/process TestAHangingPluginTellsWhatItWasDoing"},
	"vmhost/vmsdk/serve.go endWithParent": {
		"ends the plugin",
		"vmhost/process TestAPluginEndsWithItsStandardInput"},
	"vmhost/vmsdk/events/events.go Read": {
		"ends the reading, which the caller sees",
		"vmhost/vmsdk/events TestAStreamThatBreaksIsReadToItsBreakAndNoFurther"},
	"cmd/internal/gateway/serve.go Serve": {
		"goes on accepting; a listener that ended is its error",
		"cmd/internal/gateway TestADoorThatEndsByItselfIsAnError"},
	"cmd/internal/node/overseer.go Overseer": {
		"goes on accepting; what ended ends the overseer with its cause",
		"internal/bus/carrier TestEveryDoorOfTheBusAcceptsAgainAndEndsWithItsCause"},
	"cmd/internal/node/sources.go serveMetrics": {
		"goes on accepting; that it ended is logged",
		"cmd/internal/node TestMetricsThatAreNotShownAnyMoreAreSaid"},
	"cmd/internal/devnet/control.go hear": {
		"goes on accepting; that it ended is said",
		"cmd/internal/devnet TestANetworkThatHearsNoCommandAnyMoreSaysSo"},
	"cmd/reeve/session.go attend": {
		"the same",
		"cmd/internal/devnet TestANetworkThatHearsNoCommandAnyMoreSaysSo"},
}

// others look the same to who only looks for names, and wait for nobody.
var others = map[string]string{
	"cmd/internal/devnet/client.go Substitute":                 "one request of a command, which ends with it",
	"cmd/internal/devnet/processes.go Alive":                   "the rest of one answer, within its time limit",
	"cmd/reeve/bus.go top":                                     "questions of a command",
	"cmd/reeve/devnet_logs.go printNew":                        "a file",
	"internal/core/bitfields/bitfields.go Activate":            "what was held of a leaf",
	"internal/core/snowman/decide.go adopt":                    "an action of the core",
	"internal/process/proc/family_linux.go childrenAmongAll":   "files of the kernel",
	"internal/process/proc/family_linux.go orphans":            "files of the kernel",
	"internal/store/evidence/list.go List":                     "files",
	"internal/store/quarantine/quarantine.go List":             "files",
	"internal/store/usage/usage.go eachName":                   "a directory",
	"services/candidatevalidation/examples/adder/main.go init": "an example",
	"services/candidatevalidation/meter/module.go read":        "a module in memory",
	"services/candidatevalidation/meter/sections.go readCode":  "a module in memory",
	"services/candidatevalidation/sandbox/wasi.go write":       "a guest's memory",
	"services/candidatevalidation/workers/store.go sumOf":      "a file",
	"services/collator/ledger/validation/main.go init":         "an example",
	"services/misbehaviorarbitration/files.go read":            "files",
	"services/networkbridge/p2p/limits.go newResources":        "limits of the library",
	"vmhost/kvvm/block.go Accept":                              "a verdict on a block",
	"vmhost/kvvm/client/put.go await":                          "a receipt",
	"vmhost/process/image.go sealed":                           "a file",
	"vmhost/process/image.go summed":                           "a file",
	"vmhost/relayvm/block.go Accept":                           "a verdict on a block",
	"vmhost/relayvm/beginning.go begin":                        "the genesis block",
	"vmhost/relayvm/resume.go resume":                          "records of the database",
	"vmhost/relayvm/inherent.go read":                          "an inherent in memory",
}

// product are the folders of what runs for long. The tools that measure and attack end with whoever runs them.
var product = []string{
	"internal", "overseer", "services", "vmhost", "cmd/reeve", "cmd/internal/gateway", "cmd/internal/node",
	"cmd/internal/devnet",
}

func TestEveryLoopThatAcceptsOrReadsIsOnTheListWithATestThatFeedsItAnError(t *testing.T) {
	found := map[string]bool{}
	for _, root := range product {
		err := filepath.WalkDir("../"+root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && (strings.HasSuffix(path, "test") || e.Name() == "cmd" || e.Name() == "testdata"):
				return fs.SkipDir // kits for tests, and the example of a plugin
			case strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
				loopsIn(t, path, found)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		if (loops[place].passing == "") == (others[place] == "") {
			t.Errorf("%s accepts, serves or reads in a loop: it belongs into one of the lists here", place)
		}
	}
	for place, l := range loops {
		folder, test, _ := strings.Cut(l.test, " ")
		if !found[place] || !declarations(t, "../"+folder)["func "+test] {
			t.Errorf("%s isn't there any more, or its test isn't: %s", place, l.test)
		}
	}
	for place := range others {
		if !found[place] {
			t.Errorf("%s isn't there any more", place)
		}
	}
}

// loopsIn adds the functions of a file that accept, serve, or read in a loop.
func loopsIn(t *testing.T, path string, found map[string]bool) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			place := strings.TrimPrefix(filepath.ToSlash(path), "../") + " " + fn.Name.Name
			ast.Walk(search{found: found, place: place}, fn.Body)
		}
	}
}

// search looks through a function.
type search struct {
	found  map[string]bool
	place  string
	inLoop bool
}

// Visit is ast.Visitor.
func (s search) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.ForStmt, *ast.RangeStmt:
		s.inLoop = true
	case *ast.FuncLit:
		s.inLoop = false // it may run once
	case *ast.CallExpr:
		if isLoop(n, s.inLoop) {
			s.found[s.place] = true
		}
		for _, argument := range n.Args { // a way to accept that is handed on
			if m, ok := argument.(*ast.SelectorExpr); ok && m.Sel.Name == "Accept" {
				s.found[s.place] = true
			}
		}
	}
	return s
}

// isLoop tells whether a call accepts, serves on a listener, copies a stream, or is part of a loop that reads.
func isLoop(call *ast.CallExpr, inLoop bool) bool {
	name, of := "", ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
		if x, ok := f.X.(*ast.Ident); ok {
			of = x.Name
		}
	case *ast.Ident:
		name = f.Name
	}
	switch lower := strings.ToLower(name); {
	case strings.HasPrefix(lower, "accept") && len(call.Args) == 0, lower == "accept" && of == "":
		return true
	case name == "Serve", name == "ServeTLS", name == "ListenAndServe":
		return len(call.Args) > 0
	case of == "io" && strings.HasPrefix(name, "Copy"):
		return true
	case name == "Ready", name == "ReadFile", name == "ReadDir":
		return false
	}
	return inLoop && slices.ContainsFunc([]string{"read", "recv", "receive", "scan"},
		func(verb string) bool { return strings.HasPrefix(strings.ToLower(name), verb) })
}

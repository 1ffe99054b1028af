// Command bench measures nifuda beside other registries, in one run on one
// machine, and prints a table.
//
// All contenders are started on empty data directories. Each scenario runs on
// each of them in turn, and all of it in several rounds, of which the medians
// are printed: the rate that the clients saw, and the CPU time of the server
// for each unit of work, which hardly depends on what else the machine does.
//
//	go run . -nifuda ../bin/nifuda -peers ../.cache/peers
//	go run . -nifuda ../bin/nifuda -nodes 3 -s3 versitygw
//
// A peer that the machine lacks is left out of the table, with a note.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"time"
)

// settings are the command's flags.
type settings struct {
	nifuda   string
	peers    string
	rounds   int
	duration time.Duration
	run      *regexp.Regexp
	against  *regexp.Regexp
	layer    int64
	profile  string
	nodes    int
	s3       string
	rate     float64
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "bare" {
		fail(serveBare(os.Args[2], os.Args[3]))
	}
	var s settings
	flag.StringVar(&s.nifuda, "nifuda", "../bin/nifuda", "the nifuda to measure")
	flag.StringVar(&s.peers, "peers", "../.cache/peers", "directory of the peers' programs")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds to take the median of")
	flag.DurationVar(&s.duration, "duration", 3*time.Second, "how long one scenario loads one server")
	flag.Int64Var(&s.layer, "layer", 512<<20, "bytes of the large layer")
	flag.StringVar(&s.profile, "profile", "", "directory for a CPU profile of nifuda for each scenario")
	flag.IntVar(&s.nodes, "nodes", 0, "measure nifuda by the number of its nodes, up to this one, on PostgreSQL and S3, and nothing else")
	flag.StringVar(&s.s3, "s3", "../.cache/clients/versitygw", "the S3 server of -nodes, versitygw")
	flag.Float64Var(&s.rate, "rate", 0, "units of work a second that each node of -nodes is asked for; 0 is as many as there can be")
	run := flag.String("run", "", "regular expression of the scenarios to run")
	against := flag.String("against", "", "regular expression of the servers to run")
	flag.Parse()
	s.run, s.against = regexp.MustCompile(*run), regexp.MustCompile(*against)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, s); err != nil {
		stop()
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// say tells how far the benchmark is; the table goes to standard output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// bench runs all rounds and prints the table of their medians.
func bench(ctx context.Context, s settings) error {
	contenders, absent := s.contenders()
	if s.nodes > 0 {
		contenders, absent = s.clusters(), nil
	}
	for _, why := range absent {
		say("left out: %s", why)
	}
	results := results{}
	for round := range s.rounds {
		say("round %d of %d", round+1, s.rounds)
		if err := s.round(ctx, contenders, results); err != nil {
			return err
		}
	}
	machine(os.Stdout)
	results.print(os.Stdout, contenders)
	return nil
}

// round starts all contenders anew and runs each scenario on each in turn.
func (s settings) round(ctx context.Context, contenders []contender, results results) error {
	var servers []*server
	defer func() {
		for _, server := range servers {
			server.stop()
		}
	}()
	for _, c := range contenders {
		server, err := s.start(ctx, c)
		if err != nil {
			return fmt.Errorf("start %s: %w", c.name, err)
		}
		servers = append(servers, server)
	}
	for _, scenario := range scenarios {
		if !s.run.MatchString(scenario.name) {
			continue
		}
		for _, server := range servers {
			if !server.speaks(scenario.protocol) {
				continue
			}
			result, err := s.measure(ctx, scenario, server)
			if errors.Is(err, errNotMeasured) {
				continue
			}
			if err != nil {
				return fmt.Errorf("%s on %s: %w", scenario.name, server.name, err)
			}
			say("  %-34s %-16s %s", scenario.name, server.name, scenario.format(result))
			results.add(scenario, server.name, result)
		}
	}
	return nil
}

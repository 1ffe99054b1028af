// Decides simulations, one a line of standard input, and prints one answer a
// line. An independent implementation is asked, so that the evaluator is checked
// against another reading of IAM's rules than its own. It is a tool of the tests
// in a process of its own; nothing of it is linked or shipped.
import { createInterface } from 'node:readline'
import { anonymousPrincipal, runSimulation } from '@cloud-copilot/iam-simulate'

const answers = []
for await (const line of createInterface({ input: process.stdin })) {
  const simulation = JSON.parse(line)
  if (simulation.request.principal === 'anonymous') {
    simulation.request.principal = anonymousPrincipal
  }
  const result = await runSimulation(simulation, {})
  answers.push(result.overallResult ?? `Refused:${JSON.stringify(result.errors).replaceAll(/\s/g, '_')}`)
}
process.stdout.write(answers.join('\n') + '\n')

#!/usr/bin/env node
// Starts the program of the package for this system, which npm has installed beside this one.
'use strict'
const { spawn } = require('node:child_process')
const { constants } = require('node:os')

const name = `@amika-dev/amika-${process.platform}-${process.arch}`
let program
try {
  program = require.resolve(`${name}/${process.platform === 'win32' ? 'amika.exe' : 'amika'}`)
} catch {
  console.error(
    `error: ${name} is not installed\n  hint: install without --omit=optional; ` +
      `systems without a release: 'cargo install amika --locked'`
  )
  process.exit(1)
}
const child = spawn(program, process.argv.slice(2), { stdio: 'inherit' })
// A terminal sends Ctrl-C to both; the program decides when it ends, and may put an old credential back first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signal === 'SIGINT' || child.kill(signal))
child.on('error', (error) => {
  console.error(`error: ${program} does not start: ${error.message}`)
  process.exit(1)
})
child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code))

# Installs amika from a release, for Windows: downloads the archive for this system over https, verifies its SHA-256
# checksum (and, where the GitHub CLI is logged in, who built it), runs the program once, and only then puts it into
# place. Run it again to upgrade:
#
#   irm https://github.com/amika-dev/amika/releases/latest/download/install.ps1 | iex
#
# $env:AMIKA_VERSION, AMIKA_INSTALL_DIR, AMIKA_EXPECTED_SHA256, AMIKA_DOWNLOAD_URL and AMIKA_VERIFY_ATTESTATION mean what
# they mean for install.sh; the default directory is %LOCALAPPDATA%\Programs\amika.
& {
  Set-StrictMode -Version 3
  $ErrorActionPreference = 'Stop'
  $ProgressPreference = 'SilentlyContinue'
  [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12

  $repository = 'amika-dev/amika'
  # PROCESSOR_ARCHITEW6432 is the machine's where a 32-bit PowerShell runs.
  $processor = if ($env:PROCESSOR_ARCHITEW6432) { $env:PROCESSOR_ARCHITEW6432 } else { $env:PROCESSOR_ARCHITECTURE }
  $machine = switch ($processor) {
    'AMD64' { 'x86_64' }
    'ARM64' { 'aarch64' }
    default { throw "there is no release for $processor; build it with 'cargo install amika --locked'" }
  }
  $target = "$machine-pc-windows-msvc"
  $base = if ($env:AMIKA_DOWNLOAD_URL) { $env:AMIKA_DOWNLOAD_URL.TrimEnd('/') }
    elseif ($env:AMIKA_VERSION) { "https://github.com/$repository/releases/download/v$($env:AMIKA_VERSION.TrimStart('v'))" }
    else { "https://github.com/$repository/releases/latest/download" }
  if ($base -notmatch '^https://') { throw "refusing to download from ${base}: AMIKA_DOWNLOAD_URL takes an https address" }
  $directory = if ($env:AMIKA_INSTALL_DIR) { $env:AMIKA_INSTALL_DIR } else { "$env:LOCALAPPDATA\Programs\amika" }

  $work = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
  New-Item -ItemType Directory $work | Out-Null
  try {
    # PowerShell does not follow a redirect from https to http.
    Invoke-WebRequest -UseBasicParsing "$base/SHA256SUMS" -OutFile "$work\SHA256SUMS"
    $lines = @(Get-Content "$work\SHA256SUMS" | Where-Object { $_ -match "^[0-9a-f]{64}  amika-[0-9][0-9A-Za-z.+-]*-$target\.zip$" })
    if ($lines.Count -ne 1) { throw "the release has no archive for $target; see $base" }
    $published, $archive = $lines[0] -split '  '
    $expected = if ($env:AMIKA_EXPECTED_SHA256) { $env:AMIKA_EXPECTED_SHA256 } else { $published }
    Invoke-WebRequest -UseBasicParsing "$base/$archive" -OutFile "$work\$archive"
    if ((Get-FileHash -Algorithm SHA256 "$work\$archive").Hash -ne $expected) {
      throw "the checksum of $archive is wrong; nothing was installed"
    }
    $verify = $env:AMIKA_VERIFY_ATTESTATION
    if (-not $verify -and (Get-Command gh -ErrorAction SilentlyContinue)) {
      # A native command that writes to standard error is no failure.
      $ErrorActionPreference = 'Continue'
      gh attestation --help *> $null
      if ($LASTEXITCODE -eq 0) { gh auth status *> $null }
      if ($LASTEXITCODE -eq 0) { $verify = '1' }
      $ErrorActionPreference = 'Stop'
    }
    if ($verify -eq '1') {
      gh attestation verify "$work\$archive" --repo $repository
      if ($LASTEXITCODE -ne 0) { throw "the attestation of $archive cannot be verified; nothing was installed" }
    }

    Expand-Archive "$work\$archive" $work
    $program = Join-Path $work ([IO.Path]::GetFileNameWithoutExtension($archive)) | Join-Path -ChildPath 'amika.exe'
    $version = & $program --version
    if ($LASTEXITCODE -ne 0) { throw 'the program does not run on this system; nothing was installed' }
    New-Item -ItemType Directory -Force $directory | Out-Null
    Copy-Item $program "$directory\.amika.new.exe"
    Move-Item -Force "$directory\.amika.new.exe" "$directory\amika.exe"

    Write-Output "Installed $version in $directory"
    $first = Get-Command amika -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not (($env:PATH -split ';') -contains $directory)) {
      Write-Output "Add it to your PATH: [Environment]::SetEnvironmentVariable('PATH', [Environment]::GetEnvironmentVariable('PATH', 'User') + ';$directory', 'User')"
    } elseif ($first -and $first.Source -ne "$directory\amika.exe") {
      Write-Output "Another amika is found first: $($first.Source)"
    }
    Write-Output "Completions: amika completions --help"
    Write-Output "Upgrade: run this installer again    Remove: amika auth logout; Remove-Item '$directory\amika.exe'"
  } finally {
    Remove-Item -Recurse -Force $work
  }
}

# Adds a folder to the machine's PATH or removes it: path.ps1 add|remove <folder>. What the PATH holds unexpanded stays so.
param([ValidateSet('add', 'remove')][string]$Verb, [string]$Folder)
$key = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Session Manager\Environment', $true)
$old = [string]$key.GetValue('Path', '', 'DoNotExpandEnvironmentNames')
$parts = @($old -split ';' | Where-Object { $_ -and $_.TrimEnd('\') -ne $Folder })
if ($Verb -eq 'add') { $parts += $Folder }
$new = $parts -join ';'
if ($new -ne $old) {
  $key.SetValue('Path', $new, 'ExpandString')
  # Tells running programs (WM_SETTINGCHANGE), by way of a variable that is set and removed.
  [Environment]::SetEnvironmentVariable('GATEHOUSE_SETUP', '1', 'Machine')
  [Environment]::SetEnvironmentVariable('GATEHOUSE_SETUP', $null, 'Machine')
}
$key.Close()

import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/source-serif-4/wght.css'
import '@fontsource-variable/source-serif-4/wght-italic.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import { mount } from 'svelte'
import App from './App.svelte'
import { theme } from './theme.svelte'
import './tokens.css'

theme.apply()
const target = document.getElementById('app')
if (target) mount(App, { target })

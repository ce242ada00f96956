using System;
using System.Collections.Generic;
using UnityEngine;
using Random = UnityEngine.Random;

namespace Spark.TopDownAction
{
    /// <summary>Sends waves of enemies, each a little larger. Fallen enemies are kept and sent again: nothing is destroyed.</summary>
    public sealed class EnemySpawner : MonoBehaviour
    {
        [SerializeField] private EnemyAI template;
        [SerializeField] private Health prey;
        [SerializeField] private Transform[] points;
        [SerializeField, Min(1)] private int firstWave = 3;
        [SerializeField, Min(0)] private int growth = 2;
        [SerializeField, Min(1)] private int waves = 5;
        [SerializeField, Min(1)] private int maxAlive = 16;
        [SerializeField, Min(0f)] private float secondsBetweenWaves = 3f;
        [SerializeField, Min(0.05f)] private float secondsBetweenSpawns = 0.7f;

        private readonly Stack<EnemyAI> idle = new Stack<EnemyAI>();
        private int toSpawn;
        private int alive;
        private float nextAt;

        /// <summary>The wave, the kills or the end changed.</summary>
        public event Action Changed;

        public int Wave { get; private set; }
        public int Waves => waves;
        public int Kills { get; private set; }
        public bool IsCleared { get; private set; }

        private void Awake()
        {
            template.gameObject.SetActive(false);
        }

        private void Start()
        {
            nextAt = Time.time + 1f;
        }

        private void Update()
        {
            if (IsCleared || !prey.IsAlive || Time.time < nextAt) return;
            if (toSpawn > 0)
            {
                if (alive < maxAlive) Spawn();
                nextAt = Time.time + secondsBetweenSpawns;
            }
            else if (alive == 0)
            {
                NextWave();
            }
        }

        private void NextWave()
        {
            if (Wave == waves)
            {
                IsCleared = true;
            }
            else
            {
                toSpawn = firstWave + Wave * growth;
                Wave++;
            }

            Changed?.Invoke();
        }

        private void Spawn()
        {
            EnemyAI enemy = idle.Count > 0 ? idle.Pop() : Make();
            Vector2 place = points[Random.Range(0, points.Length)].position;
            enemy.gameObject.SetActive(true);
            enemy.GetComponent<Health>().Restore();
            enemy.Begin(place, prey);
            toSpawn--;
            alive++;
        }

        private EnemyAI Make()
        {
            EnemyAI enemy = Instantiate(template, transform);
            enemy.GetComponent<Health>().Died += OnDied;
            return enemy;
        }

        private void OnDied(Health fallen)
        {
            alive--;
            Kills++;
            fallen.gameObject.SetActive(false);
            idle.Push(fallen.GetComponent<EnemyAI>());
            if (toSpawn == 0 && alive == 0) nextAt = Time.time + secondsBetweenWaves;
            Changed?.Invoke();
        }
    }
}
